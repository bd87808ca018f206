/** True in the built package, which is JavaScript. */
export const isBuilt = import.meta.url.endsWith(".js");
