import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { commands, openNetwork } from "../../lab/netns-network.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const prefix = `t${process.pid % 10_000}`;
const namespaces = () => spawnSync("ip", ["netns", "list"], { encoding: "utf8" }).stdout ?? "";

/** Whether this machine lets us make network namespaces: Linux, root, iproute2. */
const permitted = (() => {
  const made = spawnSync("ip", ["netns", "add", `${prefix}-try`]).status === 0;
  if (made) spawnSync("ip", ["netns", "delete", `${prefix}-try`]);
  return made;
})();

describe("the network", () => {
  it("limits each node in both directions", () => {
    const lines = commands({ nodes: 2, rate: 100, delay: 0, prefix: "x" }).map((command) => command.join(" "));
    const limit = "root tbf rate 100mbit burst 25000b latency 400ms";
    for (const [where, device] of [
      ["x-hub", "x-p0"],
      ["x-n0", "eth0"],
      ["x-hub", "x-p1"],
      ["x-n1", "eth0"],
    ]) {
      expect(lines).toContain(`ip netns exec ${where} tc qdisc add dev ${device} ${limit}`);
    }
    expect(lines).toContain("ip netns exec x-n1 ip addr add 10.77.0.2/24 dev eth0");
  });

  it("adds half of the delay at each end", () => {
    const delayed = commands({ nodes: 1, rate: 100, delay: 3, prefix: "x" }).filter((command) =>
      command.includes("netem"),
    );
    expect(delayed.map((command) => command[command.indexOf("delay") + 1])).toEqual(["1.5ms", "1.5ms"]);
  });

  it("has a program in place of the bridge where there is no netem", () => {
    const options = { nodes: 2, rate: 100, delay: 3, prefix: "x" };
    const lines = commands(options, "program").map((command) => command.join(" "));
    expect(lines.filter((line) => /netem|bridge/.test(line))).toEqual([]);
    expect(lines).toContain(
      "ip netns exec x-n1 tc qdisc add dev eth0 root tbf rate 100mbit burst 25000b latency 400ms",
    );
    expect(lines).toContain("ip netns exec x-hub ip link set x-p1 up");
  });

  it.runIf(permitted).each([0, 1])("leaves nothing behind, failed or not: delay %d ms", async (delay) => {
    const options = { nodes: 2, rate: 100, delay, prefix };
    const { close } = await openNetwork(options);
    expect(namespaces()).toContain(`${prefix}-n1`);
    await expect(openNetwork(options)).rejects.toThrow(UsageError);
    await close();
    expect(namespaces()).not.toContain(prefix);
  });

  it.runIf(permitted)("parts nodes from the others for a time", async () => {
    const network = { nodes: 3, rate: 100, delay: 1, loss: 0, prefix };
    const { cut, close } = await openNetwork(network);
    const program = "import socket\nsocket.create_connection(('10.77.0.2', 1), 1)";
    /** How node 0's call to a port of node 1 where nobody listens ends. */
    const call = () => {
      const inside = ["netns", "exec", `${prefix}-n0`, "python3", "-c", program];
      return spawnSync("ip", inside, { encoding: "utf8" }).stderr.trim().split("\n").at(-1);
    };
    try {
      const seen = [[], [1], [0, 1], [1, 2], []].map((apart) => (cut(apart), call()));
      const [refused, timeout] = [/refused/, /time/i].map((pattern) => expect.stringMatching(pattern) as string);
      expect(seen).toEqual([refused, timeout, refused, timeout, refused]);
    } finally {
      await close();
    }
  });

  it.runIf(permitted).each([
    [0, 0.171],
    [100, 0.371],
  ])("slows plain TCP down to what the model says at least: delay %d ms", { timeout: 60_000 }, (delay, seconds) => {
    const args = ["--import", "tsx", "lab/netns-exchange.ts", "--nodes", "2", "--rate", "100", "--megabytes", "2"];
    const { status, stdout, stderr, pid } = spawnSync(
      process.execPath,
      [...args, "--steps", "3", "--delay", `${delay}`],
      {
        cwd: project,
        encoding: "utf8",
      },
    );
    expect(status, stderr).toBe(0);
    const [nodes, measured, model] = stdout.trim().split("\n").at(-1)!.split("|").slice(1).map(Number);
    expect(nodes).toBe(2);
    expect(model).toBe(seconds);
    // Less the burst that goes through at once; how much more it takes depends on the machine.
    expect(measured).toBeGreaterThan(seconds - 0.02);
    expect(stderr).toMatch(delay === 0 ? /^/ : /holds? the packets for the delay/);
    expect(namespaces()).not.toContain(`ss${pid % 10_000}-`);
  });

  it.each([
    ["--nodes", "9", "expected a whole number from 2 to 8"],
    ["--delay", "1001", "expected a whole number from 0 to 1000"],
  ])("refuses numbers that make no sense: %s %s", (option, value, wanted) => {
    const args = ["--import", "tsx", "lab/netns-exchange.ts", option, value];
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: project, encoding: "utf8" });
    expect(status).toBe(2);
    expect(stderr).toContain(`${option} ${value}: ${wanted}`);
  });
});
