/** Chooses the data sets of a server that are wanted. */
import { UsageError } from "../../base/errors.ts";
import { isPathComponent } from "../../base/path-component.ts";
import type { FlightClient } from "./client.ts";

/** ms; a server of this program does not mind. */
export const KEEPALIVE = 30000;
/** The user's own words for the server and the data set, for messages. */
export interface Said {
  readonly server: string;
  readonly name: string;
}

const BY_OPTIONS = { server: "--from", name: "choose one data set with --name" };
/** The request to a server. */
export interface WantedPaths {
  /** Address of the server, for messages. */
  readonly from: string;
  /** Name of the data set; absent: the only one. */
  readonly name?: string | undefined;
  /** Split; absent: all the server has. */
  readonly splits?: readonly string[] | undefined;
}

/** The splits that are wanted, of one data set. @throws UsageError when the server has none such, or several data sets. */
export async function wantedPaths(
  client: FlightClient,
  { from, name, splits }: WantedPaths,
  said: Said = BY_OPTIONS,
): Promise<string[][]> {
  const paths = (await client.list(name)).map(({ flightDescriptor }) => [...(flightDescriptor?.path ?? [])]);
  const names = [...new Set(paths.map(([first]) => first ?? ""))];
  const has = `${said.server} ${from}: it has ${paths.map((path) => path.join("/")).join(", ") || "nothing of that name"}`;
  // Both become names of folders.
  const bad = paths.find((path) => path.length !== 2 || !isPathComponent(path[0]!) || !/^[\w-]+$/.test(path[1]!));
  if (bad || names.length !== 1) throw new UsageError(has, `${said.name}, prepared by this program`);
  const missing = splits?.find((split) => !paths.some((path) => path[1] === split));
  if (missing !== undefined)
    throw new UsageError(`${has}, but no split ${missing}`, "choose with --split, or leave it out");
  return paths.filter((path) => splits?.includes(path[1]!) ?? true);
}
