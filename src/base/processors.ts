/**
 * Counts the processors this process may use: those it is bound to, or fewer where its container has a quota of CPU
 * time.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
};

/** The folder of a group and those above it, up to the root of its controller, where a container may have its own. */
function upwards(controller: string, group: string): string[] {
  const above = dirname(group);
  return [join(controller, group), ...(above === group ? [] : upwards(controller, above))];
}

/** Processors that a quota gives, as "150000" us of each "100000"; undefined where there is none. */
function share(quota = "", period = "100000"): number | undefined {
  const [time, each] = [Number(quota), Number(period)];
  return quota !== "" && time > 0 && each > 0 ? time / each : undefined;
}

/** Version 2 of cgroups: `cpu.max` holds quota and period, or "max". */
const bySecond = (folder: string) =>
  share(...((read(join(folder, "cpu.max"))?.split(" ") ?? []) as [string?, string?]));
/** Version 1 of cgroups: a quota of -1 means none. */
const byFirst = (folder: string) =>
  share(read(join(folder, "cpu.cfs_quota_us")), read(join(folder, "cpu.cfs_period_us")));

/**
 * Processors that the control groups of this process leave it, a fraction perhaps; undefined where they set no limit.
 *
 * @param root Folder that stands for "/".
 * @see the Linux kernel's cgroup-v2 and cgroup-v1 documentation, "cpu.max" and "cpu.cfs_quota_us"
 */
export function cpuQuota(root = "/"): number | undefined {
  const groups = join(root, "sys/fs/cgroup");
  const quotas = (read(join(root, "proc/self/cgroup")) ?? "").split("\n").flatMap((line) => {
    const [, controllers = "", group = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === "")
      return [groups, join(groups, "unified")].flatMap((mount) => upwards(mount, group).map(bySecond));
    if (!controllers.split(",").includes("cpu")) return [];
    return [controllers, "cpu"].flatMap((mount) => upwards(join(groups, mount), group).map(byFirst));
  });
  const set = quotas.filter((quota) => quota !== undefined);
  return set.length > 0 ? Math.min(...set) : undefined;
}

export interface Processors {
  readonly count: number;
  /** The quota that makes them fewer than the machine has; a fraction perhaps. */
  readonly quota?: number;
}

/** Like {@link processors}, for another machine. */
export function processorsOf(machine: number, quota: number | undefined): Processors {
  return quota === undefined || quota >= machine
    ? { count: machine }
    : { count: Math.max(1, Math.floor(quota)), quota };
}

let found: Processors | undefined;

/** The processors of this process; looked up once. Node 20 does not heed the quota itself. */
export const processors = (): Processors => (found ??= processorsOf(availableParallelism(), cpuQuota()));
