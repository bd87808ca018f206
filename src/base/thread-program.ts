import { isBuilt, readsTypeScript } from "./built.ts";

/**
 * A program of this project as a thread can run it: where the runtime does not read TypeScript, one that first lets it;
 * in the built package, which is JavaScript, the built file.
 */
export function threadProgram(program: URL): URL {
  if (isBuilt) return new URL(program.href.replace(/\.ts$/, ".js"));
  if (readsTypeScript) return program;
  // A thread does not take tsx from --import.
  const tsx = import.meta.resolve("tsx/esm/api");
  const text = `import { register } from ${JSON.stringify(tsx)}; register(); await import(${JSON.stringify(program.href)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}
