/** One GPU for each process of a machine. */
import { UsageError } from "../base/errors.ts";
import { launcherEnvironment } from "./launcher-environment.ts";

/**
 * `CUDA_VISIBLE_DEVICES` of a process: the one GPU that belongs to its local rank.
 *
 * CUDA reads the variable when TensorFlow is loaded, so it must be set before `loadEngine`. A launcher that has given
 * the process one GPU already (`srun --gpus-per-task=1`), or none, is left to have its way.
 *
 * @param localRank Of this process among those of its machine, from 0.
 * @param visible What the variable is now; undefined means all GPUs.
 * @throws UsageError when fewer GPUs are visible than there are processes.
 */
export function deviceFor(localRank: number, visible?: string): string {
  if (visible === undefined) return String(localRank);
  const devices = visible.split(",").map((device) => device.trim());
  if (devices.length === 1) return visible;
  const device = devices[localRank];
  if (device) return device;
  throw new UsageError(
    `CUDA_VISIBLE_DEVICES=${visible} has no GPU for local rank ${localRank}`,
    "start one process for each GPU, or name as many GPUs as there are processes on this machine",
  );
}

/** Leaves this process its GPU, if a launcher has started it beside others; to be called before `loadEngine`. */
export function pinDevice(env: NodeJS.ProcessEnv): void {
  const localRank = launcherEnvironment(env)?.localRank;
  if (localRank === undefined) return;
  env["CUDA_VISIBLE_DEVICES"] = deviceFor(localRank, env["CUDA_VISIBLE_DEVICES"]);
}
