/** Sixty runs with settings that differ, one of which has diverged. */
import { writeRun } from "./folders.ts";

/** A number in [0, 1) that looks random. */
const noise = (i: number) => (Math.sin(12.9898 * i) * 43758.5453) % 1 ** 2;

/** Steps that a run logs. */
const LENGTH = 500;

export function writeSixty(folder: string): void {
  for (let i = 0; i < 60; i++) {
    const [seed, lr, sde] = [i % 5, [1e-4, 2e-4, 5e-4][i % 3]!, i % 2 ? "vp" : "subvp"];
    const loss = Array.from({ length: LENGTH }, (_, t) => 3 + (2000 * lr * 3) / (t + 3) + 0.1 * i + 0.02 * noise(i * LENGTH + t)); // prettier-ignore
    if (i === 17) loss[250] = 1e6;
    const config = { sde, training: { batchSize: 128, steps: 5000, seed }, optim: { lr }, model: { ema: 0.9999 } };
    const values = { "train/loss": loss, "train/grad_norm": loss.map((value) => value / 3), "train/learning_rate": loss.map(() => lr), "train/images_per_second": loss.map((_, t) => 640 + i + (t % 7)), "process/rss_bytes": loss.map(() => 2 ** 30 + i * 1e6) }; // prettier-ignore
    const name = `cifar10-${String(i).padStart(2, "0")}`;
    writeRun(folder, { name, config, values, every: i % 2 ? 10 : 7, start: Date.parse("2026-01-02T03:00:00Z") + i * 60_000, pace: 1000 + 10 * i }); // prettier-ignore
  }
}
