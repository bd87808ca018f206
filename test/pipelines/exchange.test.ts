/** Real processes, started and killed as on a cluster. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Summary } from "../../src/run/pipeline.ts";
import { hasCollectives } from "../../src/engine/collectives.ts";
import { endpointText, everyHost } from "../../src/grpc/endpoint.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { until } from "../grpc/fixture.ts";
import { run, short } from "./fixture.ts";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const runtime = "Deno" in globalThis ? ["run", "-A"] : ["--import", "tsx"];

/** Long enough for a node to be killed in between. */
const settings = [...short, "--steps", "150", "--set", "training.shards=4", "--set", "training.batchSize=64"];

function start(...options: string[]) {
  const workdir = temporaryFolder();
  const argv = [...runtime, main, ...settings, "--set", "engine.threads=1", "--json", "--workdir", workdir, ...options];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (text) => (output.stdout += text));
  child.stderr.on("data", (text) => (output.stderr += text));
  const closed = once(child, "close");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await closed;
  });
  const says = (what: RegExp) => until(() => what.test(output.stderr) || child.exitCode !== null);
  const ended = async (): Promise<Partial<Summary>> => {
    await closed;
    return JSON.parse(output.stdout.trimEnd().split("\n").at(-1) ?? "") as Partial<Summary>;
  };
  return { child, output, workdir, says, ended };
}

async function coordinator(...options: string[]) {
  const node = start("--listen", "127.0.0.1:0", ...options);
  await node.says(/--join \S+/);
  return { node, address: /--join (\S+)/.exec(node.output.stderr)![1]! };
}

describe("runs of several processes", { timeout: 90_000 }, () => {
  it("one killed and one that joins do not change a bit of the parameters", async () => {
    const { node: first, address } = await coordinator("--world", "3");
    const [second, third] = [start("--join", address), start("--join", address)];
    await first.says(/training: [1-9]/);
    second.child.kill("SIGKILL");
    // Nobody gets on without the third: until it goes on, the fourth has time to start.
    third.child.kill("SIGSTOP");
    const fourth = start("--join", address);
    await fourth.says(/exchange: joining/);
    third.child.kill("SIGCONT");
    const ended = await Promise.all([first.ended(), third.ended(), fourth.ended()]);
    expect(fourth.output.stderr).toMatch(/the state after \d+ steps was taken over/);
    const whole = await run([...settings, "--set", "engine.threads=1", "--workdir", temporaryFolder()]);
    for (const { parameters, steps } of ended) {
      expect(steps).toBe(150);
      expect(parameters).toBe(whole.summary.parameters);
    }
    expect(ended[0].bpd).toBe(whole.summary.bpd);
  });

  it("one that is stopped is left out after the deadline, and the others come to the same parameters", async () => {
    // Beyond the first step, in which they compile.
    const deadline = ["--set", "exchange.deadlineSeconds=3"];
    const { node: first, address } = await coordinator("--world", "3", ...deadline);
    const [second, third] = [start("--join", address, ...deadline), start("--join", address, ...deadline)];
    await first.says(/training: [1-9]/);
    third.child.kill("SIGSTOP");
    await first.says(/node \d is left out: it was silent beyond exchange\.deadlineSeconds; 2 of 3 nodes stay/);
    const ended = await Promise.all([first.ended(), second.ended()]);
    const whole = await run([...settings, "--set", "engine.threads=1", "--workdir", temporaryFolder()]);
    for (const { parameters, steps } of ended) {
      expect(steps).toBe(150);
      expect(parameters).toBe(whole.summary.parameters);
    }
    expect(first.output.stderr).toContain("2 of 3 nodes stay");
  });

  it("without its first node a run saves, and says how it goes on; it then does to the same parameters", async () => {
    // The others look for it five times as long.
    const { node: first, address } = await coordinator("--world", "2", "--set", "exchange.deadlineSeconds=3");
    const second = start("--join", address);
    await second.says(/training: [1-9]/);
    first.child.kill("SIGKILL");
    const { steps, checkpoint, error } = await second.ended();
    expect(second.child.exitCode).toBe(1);
    expect(error).toMatch(/^the coordinator 127\.0\.0\.1:\d+ is gone/);
    expect(second.output.stderr).toContain("remedy: start a node with --listen on the --workdir of the newest");
    expect(checkpoint).toContain(`checkpoint_${steps}.arrow`);
    expect(checkpoint!.startsWith(second.workdir)).toBe(true);
    expect(existsSync(checkpoint!)).toBe(true);

    const again = await run([...settings, "--set", "engine.threads=1", "--workdir", second.workdir, "--listen", "127.0.0.1:0"]); // prettier-ignore
    const whole = await run([...settings, "--set", "engine.threads=1", "--workdir", temporaryFolder()]);
    expect(again.summary.resumedFrom).toBe(steps);
    expect(again.summary.parameters).toBe(whole.summary.parameters);
  });
});

describe.runIf(hasCollectives())("runs by TensorFlow's collectives", { timeout: 90_000 }, () => {
  const engine = ["--set", "exchange.engine=tensorflow"];

  it("one killed ends the others, saved; started again they come to the parameters of one process", async () => {
    const { node: first, address } = await coordinator("--world", "3", ...engine);
    const [second, third] = [start("--join", address, ...engine), start("--join", address, ...engine)];
    await first.says(/training: [1-9]/);
    second.child.kill("SIGKILL");
    for (const node of [first, third]) {
      const { steps, checkpoint, error } = await node.ended();
      expect(node.child.exitCode).toBe(1);
      expect(error).toContain("exchange.engine=tensorflow: the run needs all its nodes");
      expect(checkpoint).toContain(`checkpoint_${steps}.arrow`);
    }
    const again = (node: typeof first, ...options: string[]) => start(...options, ...engine, "--workdir", node.workdir);
    const anew = again(first, "--listen", "127.0.0.1:0", "--world", "2");
    await anew.says(/--join \S+/);
    const other = again(third, "--join", /--join (\S+)/.exec(anew.output.stderr)![1]!);
    const whole = await run([...settings, "--set", "engine.threads=1", "--workdir", temporaryFolder()]);
    for (const node of [anew, other]) expect((await node.ended()).parameters).toBe(whole.summary.parameters);
  });
});

describe("the command line", { timeout: 30_000 }, () => {
  it.each([
    [["--listen", "nowhere"], "--listen nowhere: expected HOST:PORT"],
    [["--listen", "0.0.0.0:0"], "--listen 0.0.0.0:0 can be reached from other machines and needs a certificate"],
    [
      ["--join", "10.0.0.1:5"],
      `--listen ${endpointText({ host: everyHost(), port: 0 })} can be reached from other machines`,
    ],
    [["--world", "2"], "--world: no other node was named"],
    [["--listen", "127.0.0.1:0", "--world", "0"], "--world 0: expected a whole number of at least 1"],
    [["--listen", "127.0.0.1:0", "--rank", "1"], "--rank 1: only the node that listens for the others has rank 0"],
    [["--join", "127.0.0.1:9", "--rank", "0"], "--rank 0: only the node that listens for the others has rank 0"],
    [["--listen", "127.0.0.1:0", "--mode", "eval"], "--listen: --mode eval runs on one machine"],
    [["--listen", "127.0.0.1:0", "--world", "2"], "--world 2: training.shards is 1, and every node needs a shard"],
    [["--set", "exchange.engine=tensorflow"], "exchange.engine=tensorflow needs several nodes"],
    [
      ["--listen", "127.0.0.1:0", "--set", "exchange.engine=tensorflow"],
      "needs all nodes from the beginning, but --world is 1",
    ],
    [
      ["--join", "127.0.0.1:9", "--set", "exchange.engine=tensorflow", "--set", "exchange.wire=bfloat16"],
      "sends float32",
    ],
  ])("%j is refused: %s", async (options, message) => {
    const { exitCode, stderr } = await run([...short, "--workdir", temporaryFolder(), ...options]);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(2);
  });

  it.runIf(hasCollectives())("lets TensorFlow's server out of this machine only with --insecure", async () => {
    const folder = temporaryFolder();
    const file = (name: string) => (writeFileSync(join(folder, name), "0123456789abcdef"), join(folder, name));
    const tls = ["--tls-cert", file("cert"), "--tls-key", file("key"), "--token-file", file("token")];
    const engine = ["--set", "exchange.engine=tensorflow", "--set", "training.shards=2", "--world", "2"];
    const { exitCode, stderr } = await run([...short, ...engine, ...tls, "--listen", "0.0.0.0:0", "--workdir", folder]);
    expect(stderr).toContain("(0.0.0.0:0) makes TensorFlow listen unencrypted and without a token");
    expect(exitCode).toBe(2);
  });

  it("refuses a node of other settings by name", async () => {
    const { address } = await coordinator("--world", "2");
    const other = await run([...settings, "--workdir", temporaryFolder(), "--join", address, "--set", "optim.lr=0.5"]);
    expect(other.exitCode).toBe(2);
    expect(other.stderr).toContain("refused: this is another run: optim.lr: 0.003 there, 0.5 here");
  });
});
