/** How the user starts a pipeline: in the repository, or by the installed package. */
import { isBuilt } from "../base/built.ts";

export const COMMAND = isBuilt ? "npx scorestream pipeline" : "npm run pipeline";
