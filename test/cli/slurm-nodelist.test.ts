import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { expandNodeList } from "../../src/cli/slurm-nodelist.ts";

describe("expandNodeList", () => {
  // What `scontrol show hostnames` of Slurm 22.05 prints for the same lists.
  it.each([
    ["vm", "vm"],
    ["node[01-03,07]", "node01 node02 node03 node07"],
    ["node[01-02,07],login1", "node01 node02 node07 login1"],
    ["rack[1-2]n[01-02]", "rack1n01 rack1n02 rack2n01 rack2n02"],
    ["a[9-11]", "a9 a10 a11"],
    ["a[098-101]", "a098 a099 a100 a101"],
    ["gpu-a-[1,3]", "gpu-a-1 gpu-a-3"],
  ])("%s", (list, hosts) => expect(expandNodeList(list).join(" ")).toBe(hosts));

  it.each(["", ",", "a,", "node[01", "node]", "node[a-b]", "node[3-1]", "node[]", "a[1-2]]"])("refuses %j", (list) =>
    expect(() => expandNodeList(list)).toThrow(UsageError),
  );
});
