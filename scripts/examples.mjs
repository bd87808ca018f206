/** Runs every example for a few steps: `npm run examples`. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, parse } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "examples-"));

/** Ends the check when the command fails or says nothing of what is expected. */
function run(expected, ...args) {
  console.error(`$ ${args.join(" ")}`);
  const { status, stdout } = spawnSync(process.execPath, ["scripts/run.mjs", ...args], {
    ...{ cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], timeout: 300_000 },
  });
  if (status !== 0) throw new Error(`${args[1]} ended with ${status}`);
  if (!expected.test(stdout)) throw new Error(`${args[1]} gave no ${expected}: ${stdout}`);
}

/** Runs the notebook by Deno's kernel, on the model of a run; it must show `pictures`. */
function notebook(pictures, workdir) {
  const packages = join(folder, "python");
  const pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--target", packages];
  execFileSync("python3", [...pip, "nbclient==0.10.2", "nbformat==5.10.4"], { stdio: "inherit" });
  const own = spawnSync("deno", ["--version"]).status === 0;
  const deno = own ? ["deno"] : ["npx", "--yes", "deno@2.9.6"];
  const env = { ...process.env, PYTHONPATH: packages, RUN: workdir, DENO: JSON.stringify(deno) };
  const program = ["scripts/notebook.py", "examples/notebook.ipynb", String(pictures)];
  console.error(`$ python3 ${program.join(" ")}`);
  execFileSync("python3", program, { cwd: root, env, stdio: "inherit", timeout: 300_000 });
}

const settings = (...sets) => sets.flatMap((set) => ["--set", set]);
const workdirOf = (name) => join(folder, name);
const pipeline = (name, expected, ...args) =>
  run(
    expected,
    "src/cli/main.ts",
    `./examples/${name}.ts`,
    "--steps",
    "3",
    "--workdir",
    workdirOf(name),
    "--json",
    ...args,
  );

const tiny = settings("model.nf=4", "model.chMult=1,1", "training.batchSize=4", "eval.numImages=2", "eval.batchSize=2");
const loose = settings("eval.rtol=0.1", "eval.atol=0.1", "sampling.rtol=0.1", "sampling.atol=0.1");

/** Each example by its name; one without an entry fails the check. */
const EXAMPLES = {
  "own-sde": () => pipeline("own-sde", /"bpd":/, ...settings("eval.numImages=8"), ...loose),
  "own-network": () => pipeline("own-network", /"steps":3/),
  "own-pipeline": () => pipeline("own-pipeline", /"steps":3/, ...settings("ring.radius=2"), ...loose),
  "own-stage": () =>
    pipeline(
      "own-stage",
      /"bpd":/,
      ...tiny,
      ...loose,
      ...settings("eval.boundTimes=1", "eval.repeats=1", "sampling.numSamples=1"),
    ),
  library: () => run(/encoded and decoded/, "examples/library.ts", workdirOf("own-stage")),
  notebook: () => notebook(2, workdirOf("own-stage")),
  "own-format"() {
    writeFileSync(join(folder, "train.csv"), "label,p0,p1,p2,p3\n7,0,1,2,3\n3,4,5,6,255\n");
    const words = ["prepare", "--format", "./examples/own-format.ts", "--from", join(folder, "train.csv")];
    run(/"images":2/, "src/cli/data.ts", ...words, "--out", join(folder, "data"), "--json");
  },
};

try {
  const there = readdirSync(join(root, "examples")).filter((name) => /\.(ts|ipynb)$/.test(name)).map((name) => parse(name).name); // prettier-ignore
  const missing = there.filter((name) => !(name in EXAMPLES));
  if (missing.length) throw new Error(`examples that are not run: ${missing.join(", ")}`);
  for (const example of Object.values(EXAMPLES)) example();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
