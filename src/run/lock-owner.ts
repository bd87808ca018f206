/** Identifies the owner of a lock, and tells whether it is still there. */
import { readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";

export interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Start time of the process, where the system tells: process ids are used again. */
  readonly started?: string | undefined;
  /** Name space of the process id: this start of the machine and, in a container, its own numbering. */
  readonly space?: string | undefined;
}

/** ms between signs of life of a lock. */
export const BEAT = 5000;
/** ms without a sign of life after which the owner is gone. */
export const SILENCE = 60_000;

/** States in /proc of a process that has ended, but that its parent has not asked for yet. */
const ENDED = ["Z", "X"];

/** Start time of a process in clock ticks since boot; undefined without /proc or without such a process. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return ENDED.includes(fields[0]!) ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function spaceOfProcesses(): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined;
  }
}

export const thisProcess = (): Owner => ({
  pid: process.pid,
  host: hostname(),
  started: startOf(process.pid),
  space: spaceOfProcesses(),
});

function isRunning({ pid, started }: Owner): boolean {
  if (started !== undefined) return startOf(pid) === started;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** True when the owner's process can be looked for here, whatever the host is called by now. */
export function isNear({ host, space }: Owner): boolean {
  const here = spaceOfProcesses();
  return space !== undefined && here !== undefined ? space === here : host === hostname();
}

/** ms since a file was written, by the clock of its disk, which may be another machine's. */
export function silenceOf(path: string): number {
  const probe = `${path}.${process.pid}.now`;
  writeFileSync(probe, "");
  try {
    return statSync(probe).mtimeMs - statSync(path).mtimeMs;
  } finally {
    rmSync(probe, { force: true });
  }
}

/** True when an owner is gone: near, by its process; elsewhere, by the silence of its lock. */
export const isGone = (owner: Owner, silence: number): boolean =>
  isNear(owner) ? !isRunning(owner) : silence > SILENCE;
