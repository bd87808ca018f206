/** Explains how a program was ended by a signal that nobody asked for. */
import { STOP_SIGNALS } from "./child.mjs";

/** Signals of a fault in native code; a library that is cut short on the disk gives SIGBUS. */
const FAULTS = ["SIGSEGV", "SIGBUS", "SIGILL", "SIGABRT", "SIGFPE", "SIGTRAP"];

export const isFault = (signal) => FAULTS.includes(signal);

/** Lines about a death by a signal; undefined for one that was asked for. */
export function deathText(signal) {
  if (!signal || STOP_SIGNALS.includes(signal)) return undefined;
  if (signal === "SIGKILL") {
    return (
      "the program was killed (SIGKILL), probably by the system for want of memory; its log says so (dmesg)\n" +
      "  remedy: lower training.batchSize, eval.batchSize or sampling.batchSize, or free memory; the same command goes on"
    );
  }
  if (!isFault(signal)) return `the program was ended by ${signal}`;
  return (
    `the program was ended by ${signal}: a fault in native code, or a damaged file of the engine\n` +
    "  remedy: repeat the command; it reads the engine's files, repairs them, and a run goes on from its checkpoint"
  );
}
