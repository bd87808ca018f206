/** The files of a run, as the server gives them. */
import "./dom.ts";
import type { NearestImages } from "../../../metrics/nearest-images.ts";
import type { FilesState } from "../run-files.ts";

export interface RunFiles {
  /** Null where they are on another machine. */
  readonly files: FilesState | null;
}

const path = (run: string, ...parts: readonly string[]) =>
  ["api/runs", run, ...parts].map((part, i) => (i === 0 ? part : encodeURIComponent(part))).join("/");

/** ms that an answer may take. */
const PATIENCE = 10_000;

/** Fetches a path; undefined where there is nothing or no answer comes in time, which the feed reports. */
async function get<T>(address: string, read: (response: Response) => Promise<T>): Promise<T | undefined> {
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(PATIENCE) });
    return response.ok ? await read(response) : undefined;
  } catch {
    return undefined;
  }
}

const json = <T>(address: string) => get(address, (response) => response.json() as Promise<T>);

export const runNames = (): Promise<readonly string[] | undefined> => json("api/runs");

export const runFiles = (run: string): Promise<RunFiles | undefined> => json(path(run));

export const config = (run: string): Promise<unknown> => json(path(run, "config"));

export const logTail = (run: string): Promise<string | undefined> =>
  get(`${path(run, "log")}?lines=300`, (response) => response.text());

export const sampleAddress = (run: string, name: string, modified: string): string =>
  `${path(run, "samples", name)}?${new URLSearchParams({ modified })}`;

/** How near the samples of a step are to the training. */
export const nearestImages = (run: string, step: number): Promise<NearestImages | undefined> =>
  json(`${path(run, "nearest")}?step=${step}`);

export const reportAddress = (run: string): string => path(run, "report");
