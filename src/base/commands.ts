import { isBuilt } from "./built.ts";

const LINE = /npm run (pipeline|data|monitor|checkpoint|engine|setup)\b( --(?=[ \]]|$))?/g;

/** Puts command lines of the repository as the installed package has them: `npm run data -- x` as `npx scorestream data x`. */
export function asInstalled(text: string, installed = isBuilt): string {
  return installed ? text.replace(LINE, (_, program) => `npx scorestream ${program}`) : text;
}
