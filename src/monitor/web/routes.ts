/** The paths of the web server. */
import type { ServerResponse } from "node:http";
import { bundlePage } from "./bundle.ts";
import { streamFrames } from "./event-stream.ts";
import type { FeedLimit } from "./feed-limit.ts";
import { frames } from "./frames.ts";
import { ICON, PAGE } from "./page-html.ts";
import { json, refusal, reply, sendReply, type Reply } from "./reply.ts";
import { readConfig, readLogTail, readNearest, readReportFile, readSample, runState } from "./run-files.ts";
import { runsOf, type WebSource } from "./source.ts";

/** The report's own looks and pictures stand in its text. */
const REPORT_CONTENT = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox";

const missing = () => refusal(404, "there is nothing here");
const orMissing = (reply: Reply | undefined) => reply ?? missing();

/** The whole number that a query has under `name`; `otherwise` where it has none. @throws RangeError. */
function whole(query: URLSearchParams, name: string, otherwise: number, max: number): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > max) throw new RangeError(`${name}: expected a whole number up to ${max}`);
  return value;
}

/**
 * First places: `from=17` for every node, `from=17,RUN,NODE` (percent-encoded) for one.
 *
 * @throws RangeError for anything else.
 */
function firstPlaces(query: URLSearchParams): (run: string, node: string) => number {
  const places = new Map<string, number>();
  let all = 0;
  for (const text of query.getAll("from")) {
    const [digits = "", run, node, ...more] = text.split(",");
    if (!/^\d{1,15}$/.test(digits) || (run === undefined) !== (node === undefined) || more.length > 0) {
      throw new RangeError("from: give a sequence, or sequence,run,node");
    }
    if (run === undefined || node === undefined) all = Number(digits);
    else places.set(`${run},${node}`, Number(digits));
  }
  return (run, node) => places.get(`${encodeURIComponent(run)},${encodeURIComponent(node)}`) ?? all;
}

export interface FeedRoom {
  /** Metrics that may wait for one watcher. */
  readonly limit?: number | undefined;
  readonly feeds: FeedLimit;
}

/** Begins the stream that a query asks for. @throws RangeError before anything is written. */
function stream(source: WebSource, query: URLSearchParams, response: ServerResponse, { limit, feeds }: FeedRoom): void {
  const points = query.has("points") ? whole(query, "points", 0, 1e6) : undefined;
  // HEAD asks for the headers only.
  if (response.req.method === "HEAD") return sendReply(response, reply("events", ""));
  const full = feeds.take(response.req, (done) => response.once("close", done));
  if (full !== undefined) return sendReply(response, refusal(429, full, { "Retry-After": "15" }));
  const watched = frames(source.feed, { runs: query.getAll("run"), from: firstPlaces(query), points }, limit);
  void streamFrames(response, watched, () => source.feed.ended());
}

/** The parts of a run: `/api/runs/<run>/<what>`. */
function runPart(source: WebSource, parts: readonly string[], query: URLSearchParams): Reply {
  const [run = "", what, name, ...more] = parts;
  if (!runsOf(source).includes(run) || more.length > 0 || (name !== undefined && what !== "samples")) return missing();
  const workdir = source.workdir(run);
  const deletable = source.kept?.records().some(({ runId, live }) => runId === run && !live) ? { deletable: true } : {};
  if (workdir === undefined) return what === undefined ? json({ run, files: null, ...deletable }) : missing();
  const text = (kind: Parameters<typeof reply>[0], body: Uint8Array | undefined, headers = {}) =>
    orMissing(body && reply(kind, body, { headers }));
  switch (what) {
    case undefined:
      return json({ run, files: runState(workdir), ...deletable });
    case "config":
      return text("json", readConfig(workdir));
    case "log": {
      const lines = readLogTail(workdir, whole(query, "lines", 200, 10_000));
      return orMissing(lines && reply("text", lines.map((line) => `${line}\n`).join("")));
    }
    case "report":
      return text("html", readReportFile(workdir), { "Content-Security-Policy": REPORT_CONTENT });
    case "samples":
      return text("png", name === undefined ? undefined : readSample(workdir, name));
    case "nearest":
      return text("json", readNearest(workdir, whole(query, "step", 0, 1e9)));
    default:
      return missing();
  }
}

/**
 * Answers a request that may pass.
 *
 * @throws RangeError for a query, URIError for a path that is not understood, and what the file system says.
 */
export function answer(
  source: WebSource,
  { pathname, searchParams }: URL,
  response: ServerResponse,
  room: FeedRoom,
): void {
  const [first, second, ...parts] = pathname.slice(1).split("/").map(decodeURIComponent);
  if (first === "api" && second === "feed" && parts.length === 0) return stream(source, searchParams, response, room);
  if (first === "api" && second === "runs" && parts.length > 0)
    return sendReply(response, runPart(source, parts, searchParams));
  switch (pathname) {
    case "/":
      return sendReply(response, reply("html", PAGE));
    case "/page.js":
      return sendReply(response, reply("js", bundlePage().script));
    case "/feed-worker.js":
      return sendReply(response, reply("js", bundlePage().worker));
    case "/page.css":
      return sendReply(response, reply("css", bundlePage().style));
    case "/icon.svg":
      return sendReply(response, reply("svg", ICON));
    case "/api/runs":
      return sendReply(response, json(runsOf(source)));
    default:
      return sendReply(response, missing());
  }
}
