/** The instructions of the processor that results depend on, and what the environment keeps TensorFlow from using. */
import { readFileSync } from "node:fs";

/** In the words of /proc/cpuinfo. */
const SETS = [
  ...["sse4_2", "avx", "avx2", "fma", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16"],
  ...["amx_tile", "amx_bf16", "amx_fp16", "asimd", "asimddp", "sve", "sve2", "bf16", "i8mm"],
];

/** Variables by which oneDNN and TensorFlow choose their kernels. */
const VARIABLES = [
  ...["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE"],
  ...["TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS", "XLA_FLAGS", "NVIDIA_TF32_OVERRIDE"],
];

function cpuinfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}

/**
 * As "x64 sse4_2 avx avx2 fma, ONEDNN_MAX_CPU_ISA=AVX2"; where the system does not tell, without the sets.
 *
 * @param info Text as of /proc/cpuinfo.
 */
export function instructions(env: NodeJS.ProcessEnv = process.env, info = cpuinfo()): string {
  const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(info)?.[1]?.trim().split(/\s+/));
  const sets = [process.arch, ...SETS.filter((name) => flags.has(name))].join(" ");
  return [sets, ...VARIABLES.filter((name) => env[name]).map((name) => `${name}=${env[name]}`)].join(", ");
}
