/** Writes what is generated of the documentation: `npm run docs`. */
import { writeFileSync } from "node:fs";
import { generatedPages } from "./docs/pages.ts";

for (const { file, text } of await generatedPages()) {
  writeFileSync(file, text);
  console.log(file);
}
