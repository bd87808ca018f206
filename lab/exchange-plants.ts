/**
 * Puts old or wrong rules of the exchange back, one at a time, and says which simulated seed notices:
 * `node scripts/run.mjs lab/exchange-plants.ts [SEEDS]`.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

interface Plant {
  readonly what: string;
  /** Within src/exchange. */
  readonly file: string;
  readonly good: string;
  readonly bad: string;
}

const plant = (what: string, file: string, good: string, bad: string): Plant => ({ what, file, good, bad });

const plants: readonly Plant[] = [
  plant("a: a newcomer counts as up to date once the view is sent", "coordinator-views.ts", "entered && ready!.settled)", "entered)"), // prettier-ignore
  plant("a: `ready` says that a foreign state is the run's", "member-rules.ts", "[draft.viewNumber, draft.settled, draft.verified] = [0, false, -1]", "[draft.viewNumber, draft.settled, draft.verified] = [0, true, -1]"), // prettier-ignore
  plant("b: a call may wait for its answer without limit", "member-rules.ts", "if (now - draft.calledAt < deadline) return;", "if (now >= 0) return;"), // prettier-ignore
  plant("b: a silent coordinator is waited for without limit", "member-rules.ts", "now - draft.heard >= limit", "now - draft.heard >= Infinity"), // prettier-ignore
  plant("c: full is for good", "coordinator-joining.ts", "reason: string) => ({ reason, passing: true })", "reason: string) => ({ reason, passing: false })"), // prettier-ignore
  plant("c: who comes back does not take the place of its old self", "coordinator-joining.ts", "const old = draft.members.find((member) => arrival", "const old = draft.members.find((member) => !member && arrival"), // prettier-ignore
  plant("d: the end does not wait for those that lack the last step", "coordinator-rules.ts", "members.some(({ step }) => step < to)", "members.every(({ step }) => step < to)"), // prettier-ignore
  plant("d: nodes end before the last parameters were compared", "coordinator-rules.ts", "if (rules.verifies && draft.verified < to) return;", ""), // prettier-ignore
  plant("e: members may be two steps apart and take a sum for the next", "coordinator-views.ts", "same && step === source.step - 1", "same && step <= source.step - 1"), // prettier-ignore
  plant("f: who does nothing comes back without limit", "coordinator-joining.ts", "?? 0) >= IDLE", "?? 0) >= Infinity"),
  plant("f: a turn in hand is no sign of life", "member-rules.ts", "now - turnSince < ENTERING * deadline", "now < 0"),
  plant("f: who waits is put out too", "coordinator-judgement.ts", "({ waitsFor }) => waitsFor.length === 0", "({ waitsFor }) => waitsFor.length >= 0"), // prettier-ignore
  plant("parcels of a step that is over are taken", "admission.ts", "step === at && now.settled", "step >= at"),
  plant("a sum is fetched from one that does not have it", "coordinator-views.ts", "filter(({ ready }) => ready!.hasSum)", "filter(({ ready }) => ready !== undefined)"), // prettier-ignore
  plant("the newest state of a new run is not looked for", "coordinator-views.ts", "Math.max(...old.map(({ ready }) => ready!.step))", "Math.min(...old.map(({ ready }) => ready!.step))"), // prettier-ignore
  plant("a member that is lost is not missed", "coordinator-rules.ts", "const silent = others.filter(({ ready }) => ready === undefined);", "const silent = others.filter(({ ready }) => ready === undefined && now < 0);"), // prettier-ignore
];

const root = fileURLToPath(new URL("..", import.meta.url));
const rules = join("src", "exchange");

/** Runs seeds one after another until one notices. */
const PROGRAM = `
import { simulate } from "./lab/exchange-simulation/simulate.ts";
const seeds = Number(process.argv[2]);
for (let seed = 1; seed <= seeds; seed++) {
  const { broken } = simulate(seed);
  if (broken === undefined) continue;
  console.log("seed " + seed + ": " + broken);
  break;
}
`;

/** What the first seed that notices says; empty where none does. */
function noticed(folder: string, seeds: number): string {
  const argv = ["--import", "tsx", "try.ts", String(seeds)];
  const { stdout, stderr, status } = spawnSync(process.execPath, argv, { cwd: folder, encoding: "utf8" });
  // A rule that cannot even run is noticed too.
  return status === 0 ? stdout.trim() : `it fails: ${/^\w*Error.*$/m.exec(stderr)?.[0]}`;
}

const seeds = Number(process.argv[2] ?? 200);
const folder = mkdtempSync(join(tmpdir(), "plants-"));
let missed = 0;
try {
  for (const part of ["src", "lab", "package.json", "tsconfig.json"]) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "try.ts"), PROGRAM);
  for (const { what, file, good, bad } of plants) {
    const path = join(folder, rules, file);
    const text = readFileSync(path, "utf8");
    if (text.split(good).length !== 2) throw new Error(`${file}: ${good} is not there once`);
    writeFileSync(path, text.replace(good, bad));
    const found = noticed(folder, seeds);
    if (found === "") missed++;
    console.log(`| ${what} | ${found === "" ? `not in ${seeds} seeds` : found} |`);
    writeFileSync(path, text);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${plants.length - missed} of ${plants.length} were noticed`);
