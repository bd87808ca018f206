/** The name of the processor or GPU, for people to read. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";

/** @returns As "NVIDIA H100 80GB HBM3" or "AMD EPYC"; "GPU" or "CPU" where the system does not tell. */
export function deviceName(gpu: boolean): string {
  if (!gpu) return cpus()[0]?.model.trim().replace(/\s+/g, " ") || "CPU";
  const query = ["--query-gpu=name", "--format=csv,noheader"];
  const { stdout } = spawnSync("nvidia-smi", query, { encoding: "utf8", timeout: 10_000 });
  return stdout?.split("\n")[0]?.trim() || "GPU";
}

/** Linux's description of the processors; empty elsewhere. */
function cpuInfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}

/** True when the processor multiplies bfloat16 by instructions of its own: AVX512_BF16 or AMX. */
export function bfloat16Instructions(text = cpuInfo()): boolean {
  const flags = /^flags\s*:(.*)$/m.exec(text)?.[1]?.split(" ") ?? [];
  return ["avx512_bf16", "amx_bf16"].some((flag) => flags.includes(flag));
}
