/** Explains how a program ended that was not ended in order. */
import { STOP_SIGNALS } from "./child.mjs";

/** Signals of a fault in native code; a library that is cut short on the disk gives SIGBUS. */
const FAULTS = ["SIGSEGV", "SIGBUS", "SIGILL", "SIGABRT", "SIGFPE", "SIGTRAP"];

/** Exit code with which the dynamic loader ends a process whose library it cannot use; no program of ours has it. */
const LOADER = 127;

/** True when the engine's files may be the cause. */
export const isFault = ({ code, signal }) => FAULTS.includes(signal) || (code === LOADER && signal === null);

/** Lines about an end that was not in order; undefined for one that was asked for. */
export function deathText(end) {
  const { signal } = end;
  if (isFault(end)) {
    const how = signal ? `was ended by ${signal}` : `ended with ${LOADER}`;
    return (
      `the program ${how}: a fault in native code, or a damaged file of the engine\n` +
      "  remedy: repeat the command; it reads the engine's files, repairs them, and a run goes on from its checkpoint"
    );
  }
  if (!signal || STOP_SIGNALS.includes(signal)) return undefined;
  if (signal === "SIGKILL") {
    return (
      "the program was killed (SIGKILL), probably by the system for want of memory; its log says so (dmesg)\n" +
      "  remedy: lower training.batchSize or eval.batchSize, or free memory; the same command goes on"
    );
  }
  return `the program was ended by ${signal}`;
}
