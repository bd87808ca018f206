/** The folder of the .proto files. */
import { fileURLToPath } from "node:url";

/** The folder of the .proto files. */
export const protoFolder = fileURLToPath(new URL("../../proto", import.meta.url));
