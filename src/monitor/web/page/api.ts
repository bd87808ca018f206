/** The files of a run, as the server gives them. */
import "./dom.ts";
import type { FilesState } from "../run-files.ts";

export interface RunFiles {
  /** Null where they are on another machine. */
  readonly files: FilesState | null;
}

const path = (run: string, ...parts: readonly string[]) =>
  ["api/runs", run, ...parts].map((part, i) => (i === 0 ? part : encodeURIComponent(part))).join("/");

/** ms that an answer may take. */
const PATIENCE = 10_000;

/** Fetches a path; undefined where there is nothing or the server does not answer, which the feed reports. */
async function get(address: string): Promise<Response | undefined> {
  const response = await fetch(address, { signal: AbortSignal.timeout(PATIENCE) }).catch(() => undefined);
  return response?.ok ? response : undefined;
}

export const runNames = async (): Promise<readonly string[] | undefined> =>
  (await get("api/runs"))?.json() as Promise<readonly string[] | undefined>;

export const runFiles = async (run: string): Promise<RunFiles | undefined> =>
  (await get(path(run)))?.json() as Promise<RunFiles | undefined>;

export const config = async (run: string): Promise<unknown> => (await get(path(run, "config")))?.json();

export const logTail = async (run: string): Promise<string | undefined> =>
  (await get(`${path(run, "log")}?lines=300`))?.text();

export const sampleAddress = (run: string, name: string, modified: string): string =>
  `${path(run, "samples", name)}?${new URLSearchParams({ modified })}`;

export const reportAddress = (run: string): string => path(run, "report");
