import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { xlaVariables } from "../../src/engine/xla-files.ts";
import { temporaryFolder } from "../cli/fixture.ts";

const machine = { device: "NVIDIA H100 80GB/HBM3", libraries: "2.21.0-cuda" };

describe("xlaVariables", () => {
  it("has XLA write what it tunes and compiles, and read it the next time", () => {
    const folder = temporaryFolder();
    const own = join(folder, "NVIDIA-H100-80GB-HBM3-2.21.0-cuda");
    const tuned = join(own, "autotune.textproto");
    const first = xlaVariables(folder, machine, {});
    expect(first).toEqual({
      XLA_FLAGS: `--xla_gpu_dump_autotune_results_to=${tuned}`,
      TF_XLA_FLAGS: `--tf_xla_persistent_cache_directory=${join(own, "programs")}`,
    });
    expect(existsSync(join(own, "programs"))).toBe(true);
    writeFileSync(tuned, "");
    const second = xlaVariables(folder, machine, {});
    expect(second["XLA_FLAGS"]).toBe(`${first["XLA_FLAGS"]} --xla_gpu_load_autotune_results_from=${tuned}`);
  });

  it("keeps the user's flags, and machines and versions apart", () => {
    const folder = temporaryFolder();
    const flags = xlaVariables(folder, machine, { XLA_FLAGS: "--a", TF_XLA_FLAGS: "--b" });
    expect(flags["XLA_FLAGS"]).toMatch(/^--a --xla_gpu_dump/);
    expect(flags["TF_XLA_FLAGS"]).toMatch(/^--b --tf_xla/);
    xlaVariables(folder, { ...machine, libraries: "2.22.0-cuda" }, {});
    xlaVariables(folder, { ...machine, device: "NVIDIA A100" }, {});
    expect(readdirSync(folder)).toHaveLength(3);
  });
});
