/** Describes the machine and the software of a bench. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

function versionOf(name: string): string {
  const file = fileURLToPath(new URL(`../node_modules/${name}/package.json`, import.meta.url));
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync("git", args, { encoding: "utf8" }).trim();
    return `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain") ? " with changes" : ""}`;
  } catch {
    return "unknown";
  }
}

/** The versions of the peers, from the list they were installed by. */
function peerVersions(requirements: string): Record<string, string> {
  const lines = readFileSync(requirements, "utf8").trim().split("\n");
  return Object.fromEntries(lines.map((line) => line.replace(/\[.*\]/, "").split("==") as [string, string]));
}

/** Machine and versions, by what they are. */
export function machine(requirements: string): Record<string, string> {
  return {
    processor: `${cpus()[0]?.model ?? "unknown"}, ${availableParallelism()} cores`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    load: `${loadavg()[1]!.toFixed(1)} over the 5 minutes before the end`,
    system: `${process.platform} ${process.arch}`,
    node: process.version,
    "@tensorflow/tfjs-node-gpu": versionOf("@tensorflow/tfjs-node-gpu"),
    rxjs: versionOf("rxjs"),
    "apache-arrow": versionOf("apache-arrow"),
    ...peerVersions(requirements),
    commit: commit(),
  };
}
