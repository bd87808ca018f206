/** True in the built package, which is JavaScript. */
export const isBuilt = import.meta.url.endsWith(".js");

/** True where the runtime reads TypeScript itself. */
export const readsTypeScript =
  "Deno" in globalThis || Boolean((process.features as { typescript?: unknown }).typescript);
