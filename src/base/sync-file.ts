import { open } from "node:fs/promises";

/** Resolves when what was written to a file is on the disk; a file that is missing has nothing. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  try {
    await file?.datasync();
  } finally {
    await file?.close();
  }
}
