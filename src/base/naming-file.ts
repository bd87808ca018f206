/**
 * Runs `write`, and gives an error that it throws the path: the system names a file only when it fails to open it, not
 * when the disk is full.
 */
export function namingFile<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (error instanceof Error && !("path" in error)) Object.assign(error, { path });
    throw error;
  }
}
