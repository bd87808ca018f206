/**
 * Sets up what is missing, then runs a program: `node scripts/run.mjs [PROGRAM [arguments]]`.
 *
 * PROGRAM is `vitest` or a file of this project; without one it only sets up. Nothing but Node's own modules is needed.
 */
const oldest = 20;
const version = process.versions.node;

if (Number(version.split(".")[0]) < oldest) {
  // Before anything is imported: an old Node could not even read the rest.
  console.error(
    "Node " +
      oldest +
      " or later is needed, this is Node " +
      version +
      "\n  remedy: install it from https://nodejs.org",
  );
  process.exit(1);
}

import("./setup/main.mjs").then(({ main }) => main(process.argv.slice(2)));
