/** The name of the processor or GPU, for people to read. */
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";

/** @returns As "NVIDIA H100 80GB HBM3" or "AMD EPYC"; "GPU" or "CPU" where the system does not tell. */
export function deviceName(gpu: boolean): string {
  if (!gpu) return cpus()[0]?.model.trim().replace(/\s+/g, " ") || "CPU";
  const query = ["--query-gpu=name", "--format=csv,noheader"];
  const { stdout } = spawnSync("nvidia-smi", query, { encoding: "utf8", timeout: 10_000 });
  return stdout?.split("\n")[0]?.trim() || "GPU";
}
