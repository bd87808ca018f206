/** How the user starts a pipeline: in the repository, or by the installed package. */
import { asInstalled } from "../base/commands.ts";

export const COMMAND = asInstalled("npm run pipeline");
