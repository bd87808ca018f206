import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { cpuQuota, processorsOf } from "../../src/base/processors.ts";
import { temporaryFolder } from "../cli/fixture.ts";

/** A folder that stands for "/", with these files. */
function rootWith(files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), `${text}\n`);
  }
  return root;
}

const v1 = (folder: string, quota: string, period = "100000") => ({
  [`sys/fs/cgroup/${folder}/cpu.cfs_quota_us`]: quota,
  [`sys/fs/cgroup/${folder}/cpu.cfs_period_us`]: period,
});
const groups = (...lines: string[]) => ({ "proc/self/cgroup": lines.join("\n") });

it.each([
  ["no control groups", {}, undefined],
  ["version 2, in a container", { ...groups("0::/"), "sys/fs/cgroup/cpu.max": "100000 100000" }, 1],
  ["version 2, no limit", { ...groups("0::/"), "sys/fs/cgroup/cpu.max": "max 100000" }, undefined],
  [
    "version 2, the limit of a group above",
    {
      ...groups("0::/kubepods/pod1/c1"),
      "sys/fs/cgroup/kubepods/pod1/cpu.max": "150000 100000",
      "sys/fs/cgroup/kubepods/pod1/c1/cpu.max": "400000 100000",
    },
    1.5,
  ],
  ["version 2 beside 1", { ...groups("0::/a"), "sys/fs/cgroup/unified/a/cpu.max": "50000 100000" }, 0.5],
  ["version 1", { ...groups("4:memory:/m", "1:cpu:/a"), ...v1("cpu/a", "100000", "50000") }, 2],
  ["version 1, no limit", { ...groups("1:cpu:/a"), ...v1("cpu/a", "-1") }, undefined],
  ["version 1, two controllers", { ...groups("2:cpu,cpuacct:/a"), ...v1("cpu,cpuacct/a", "300000") }, 3],
  ["version 1, the host's path in a container", { ...groups("1:cpu:/docker/c1"), ...v1("cpu", "100000") }, 1],
  ["another controller's files", { ...groups("1:cpuset:/a"), ...v1("cpuset/a", "100000") }, undefined],
  ["damaged files", { ...groups("0::/", "nonsense"), "sys/fs/cgroup/cpu.max": "" }, undefined],
])("the quota of %s", (_, files, quota) => expect(cpuQuota(rootWith(files as Record<string, string>))).toBe(quota));

it.each([
  [8, undefined, { count: 8 }],
  [8, 8, { count: 8 }],
  [8, 2.5, { count: 2, quota: 2.5 }],
  [8, 0.5, { count: 1, quota: 0.5 }],
])("of %d processors and a quota of %s", (machine, quota, expected) =>
  expect(processorsOf(machine, quota)).toEqual(expected),
);
