/** How the user starts a pipeline: in the repository, or by the installed package. */

/** True in the built package. */
export const isBuilt = import.meta.url.endsWith(".js");
export const COMMAND = isBuilt ? "npx scorestream pipeline" : "npm run pipeline";
