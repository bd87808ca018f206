/** Detects the kind of this machine, and the TensorFlow that fits it. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { SetupError } from "./errors.mjs";
import { builds } from "./wheels.mjs";

/** Allowed values of `SCORESTREAM_ENGINE`; unset means `auto`. */
const CHOICES = ["auto", "cpu", "cuda", "prebuilt", "wasm"];

/**
 * The engine the user asked for.
 *
 * @throws SetupError when the value is unknown.
 */
export function wantedEngine(env = process.env) {
  const choice = env.SCORESTREAM_ENGINE || "auto";
  if (CHOICES.includes(choice)) return choice;
  throw new SetupError(`SCORESTREAM_ENGINE=${choice} is unknown`, `set one of ${CHOICES.join(", ")}, or unset it`, 2);
}

/** True when there is an NVIDIA GPU with its driver. */
export function hasNvidiaGpu() {
  if (existsSync("/proc/driver/nvidia/version")) return true;
  if (process.platform !== "linux") return false;
  // Under WSL2 and in some containers only the tool tells; where it is missing this costs next to nothing.
  const { status, stdout } = spawnSync("nvidia-smi", ["-L"], { encoding: "utf8", timeout: 10_000 });
  return status === 0 && stdout.includes("GPU");
}

/**
 * The TensorFlow build for this machine.
 *
 * @param {boolean} cuda
 * @returns {import("./wheels.mjs").Build & { key: string }}
 * @throws SetupError when there is none.
 */
export function buildFor(cuda) {
  const { platform, arch } = process;
  if (platform === "win32") {
    throw new SetupError(
      "TensorFlow is not set up on Windows itself",
      "use WSL2 (wsl --install) and run this inside it",
    );
  }
  const key = `${platform}-${arch}-${cuda ? "cuda" : "cpu"}`;
  const build = builds[key];
  if (build) return { key, ...build };
  const known = Object.keys(builds).join(", ");
  throw new SetupError(`there is no TensorFlow wheel for ${key}`, `use one of the machines ${known}`);
}

/**
 * Checks the C library, which the wheels name in their platform tag.
 *
 * @throws SetupError on musl and on a glibc before 2.27.
 */
export function checkLibc() {
  if (process.platform !== "linux" || "Deno" in globalThis) return;
  process.report.excludeNetwork = true;
  const found = process.report.getReport().header.glibcVersionRuntime;
  const [major = 0, minor = 0] = (found ?? "").split(".").map(Number);
  if (major > 2 || (major === 2 && minor >= 27)) return;
  const what = found
    ? `glibc is ${found}, TensorFlow needs 2.27 or later`
    : "TensorFlow needs glibc; this system has musl";
  throw new SetupError(what, "use a newer or a glibc-based system or container image, as debian or fedora");
}
