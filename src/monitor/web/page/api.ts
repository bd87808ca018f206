/** The files of a run, as the server gives them. */
import "./dom.ts";
import type { NearestImages } from "../../../metrics/nearest-images.ts";
import type { FilesState } from "../run-files.ts";

export interface RunFiles {
  /** Null where they are on another machine. */
  readonly files: FilesState | null;
  /** True for a record that the page's server may delete. */
  readonly deletable?: true;
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

/** Deletes the record of a run. @returns Why it is not deleted; undefined where it is. */
export async function deleteRecord(run: string): Promise<string | undefined> {
  try {
    const request = { method: "POST", headers: { "X-ScoreStream": "delete" }, signal: AbortSignal.timeout(PATIENCE) };
    const response = await fetch(path(run, "delete"), request);
    return response.ok ? undefined : (await response.text()).trim();
  } catch (error) {
    return (error as Error).message;
  }
}

/** How near the samples of a step are to the training. */
export const nearestImages = (run: string, step: number): Promise<NearestImages | undefined> =>
  json(`${path(run, "nearest")}?step=${step}`);

export const reportAddress = (run: string): string => path(run, "report");
