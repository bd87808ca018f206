/** Loads `hook.ts` into a program. */
import { pathToFileURL } from "node:url";
import { program } from "../../scratch.ts";

/** For `node --import`. */
export const HOOK = pathToFileURL(program("./torture/kills/hook.ts")).href;
