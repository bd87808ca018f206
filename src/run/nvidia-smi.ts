/** NVIDIA's GPUs, as nvidia-smi of their driver tells of them. */
import { execFile } from "node:child_process";

/** The readings of a GPU; undefined for those it does not tell, as slices of one (MIG) do not. */
export interface GpuReading {
  readonly index: string;
  /** Part of the time in which it computed, in [0, 1]. */
  readonly utilization: number | undefined;
  /** Bytes in use. */
  readonly memory: number | undefined;
  readonly watts: number | undefined;
}

const QUERY = ["--query-gpu=index,utilization.gpu,memory.used,power.draw", "--format=csv,noheader,nounits"];
/** ms that it may take: it hangs where a driver does. */
const LIMIT = 5000;

/** The lines of its answer, "0, 35, 1024, 70.21"; what a GPU does not tell is "[N/A]". */
export function parseGpus(text: string): GpuReading[] {
  return text.split("\n").flatMap((line): GpuReading[] => {
    const [index, ...values] = line.split(",").map((value) => value.trim());
    if (!index || values.length !== 3) return [];
    const [percent, mib, watts] = values.map((value) => (value !== "" && Number.isFinite(Number(value)) ? Number(value) : undefined)); // prettier-ignore
    return [
      {
        index,
        utilization: percent === undefined ? undefined : percent / 100,
        memory: mib === undefined ? undefined : mib * 2 ** 20,
        watts,
      },
    ];
  });
}

/**
 * Asks for the GPUs that this process may use.
 *
 * @param env `CUDA_VISIBLE_DEVICES` names them; absent: all.
 * @returns Undefined where there is no nvidia-smi, or it fails or hangs.
 */
export function readGpus(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<GpuReading[] | undefined> {
  const visible = env["CUDA_VISIBLE_DEVICES"];
  if (visible === "") return Promise.resolve([]);
  const only = visible === undefined ? [] : [`--id=${visible}`];
  return new Promise((resolve) =>
    execFile("nvidia-smi", [...QUERY, ...only], { env, signal, timeout: LIMIT, killSignal: "SIGKILL" }, (error, text) =>
      resolve(error ? undefined : parseGpus(text)),
    ),
  );
}
