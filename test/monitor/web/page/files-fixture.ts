/** A server of runs' files, in memory. */
import { vi } from "vitest";
import type { FilesState, GridKind } from "../../../../src/monitor/web/run-files.ts";

export const grid = (step: number, kind: GridKind = "samples") => ({ name: `${kind}_${step}.png`, step, kind, bytes: 1, modified: "t" }); // prettier-ignore
export const FILES: FilesState = { samples: [], config: true, report: false, log: 10 };

/** Answers by address; a text is one, anything else is JSON. */
export function serve(answers: Record<string, unknown>) {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (address: string, { method = "GET" } = {}) => {
    asked.push(method === "GET" ? address : `${method} ${address}`);
    const answer = answers[address];
    if (answer instanceof Response) return Promise.resolve(answer);
    if (answer === undefined) return Promise.resolve(new Response("none", { status: 404 }));
    return Promise.resolve(new Response(typeof answer === "string" ? answer : JSON.stringify(answer)));
  });
  return { answers, asked };
}
