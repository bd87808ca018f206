import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  bytesOnWire,
  bytesSent,
  localStepTime,
  scalingTable,
  stepTime,
  transferSeconds,
  type Cluster,
  type Training,
} from "../../bench/exchange-model.ts";
import { exchangeTables, localTables, parametersOf } from "../../bench/exchange-tables.ts";

const training: Training = { parameters: 1000, shards: 8, secondsPerShard: 0.5, secondsForUpdate: 0.25 };
/** Every part of the step is a round number of seconds. */
const cluster: Cluster = {
  name: "a cluster",
  bandwidth: 1000,
  carried: Infinity,
  latency: 1 / 8,
  message: 1 / 4,
  device: 12_000,
  copy: 8000,
};

/** Sends the parts as the topologies do, and counts what each process sends. */
function counted(parameters: number, world: number, topology: "each" | "rank 0"): number {
  const sent = new Array<number>(world).fill(0);
  const owners = topology === "each" ? sent.map((_, rank) => rank) : [0];
  const part = (4 * parameters) / owners.length;
  for (const owner of owners) {
    for (let rank = 0; rank < world; rank++) {
      if (rank === owner) continue;
      sent[rank]! += part;
      sent[owner]! += part;
    }
  }
  return Math.max(...sent);
}

describe("bytesSent", () => {
  it.each(["each", "rank 0"] as const)("counts what the busiest process sends: %s", (topology) => {
    for (const world of [1, 2, 3, 4, 8, 16]) {
      expect(bytesSent(1000, world, topology)).toBeCloseTo(counted(1000, world, topology), 6);
    }
  });
});

describe("bytesOnWire", () => {
  it("is full frames of 1448 bytes in 1514, and 66 bytes of acknowledgement for every two that come", () => {
    // Both phases of two processes: a message of 2,000 bytes of values each way.
    expect(bytesOnWire(1000, 2)).toBeCloseTo(((2 * (2000 + 1400)) / 1448) * (1514 + 66 / 2), 6);
    // Rank 0 takes three vectors, and then sends three.
    expect(bytesOnWire(1000, 4, "rank 0")).toBeCloseTo(((3 * (4000 + 1400)) / 1448) * (1514 + 66 / 2), 6);
    expect(bytesOnWire(1000, 1)).toBe(0);
  });
});

describe("transferSeconds", () => {
  it("is bytes over bandwidth and two latencies", () => {
    const wire = { parameters: 1000, world: 4, bandwidth: 1000, latency: 0.5 };
    expect(transferSeconds(wire)).toBe(bytesOnWire(1000, 4) / 1000 + 1);
    // As much in, and then out.
    expect(transferSeconds({ ...wire, topology: "rank 0" })).toBe((2 * bytesOnWire(1000, 4, "rank 0")) / 1000 + 1);
    expect(transferSeconds({ ...wire, world: 1 })).toBe(0);
  });
});

describe("stepTime", () => {
  it("is computing alone on one GPU, and the additions of its shards", () => {
    const step = stepTime(training, cluster, 1);
    expect(step).toEqual({ bytes: 0, compute: 4.25, transfer: 0, latency: 0, additions: 7, copies: 0, total: 11.25 });
  });

  it("adds up its parts on four", () => {
    const { transfer, total, ...rest } = stepTime(training, cluster, 4);
    expect(transfer).toBe(bytesOnWire(1000, 4) / 1000);
    expect(rest.latency).toBeCloseTo(2 / 8 + 12 / 4, 9);
    expect(rest).toMatchObject({ bytes: 6000, compute: 2 * 0.5 + 0.25, additions: 1, copies: 1 });
    expect(total).toBeCloseTo(1.25 + transfer + 3.25 + 1 + 1, 9);
  });

  it("takes as long as the processes where the network is faster than they", () => {
    expect(stepTime(training, { ...cluster, carried: 100 }, 4).transfer).toBe(6000 / 100);
    expect(stepTime(training, { ...cluster, carried: 100 }, 4, "rank 0").transfer).toBe((2 * 12_000) / 100);
    expect(stepTime(training, { ...cluster, carried: 100, bandwidth: Infinity }, 1).transfer).toBe(0);
  });

  it("makes rank 0 the bottleneck where it adds everything", () => {
    const step = stepTime(training, cluster, 4, "rank 0");
    expect(step.bytes).toBe(12_000);
    expect(step.transfer).toBe((2 * bytesOnWire(1000, 4, "rank 0")) / 1000);
  });

  it("gives the process with most shards its time", () => {
    expect(stepTime(training, cluster, 3).compute).toBe(3 * 0.5 + 0.25);
  });
});

describe("scalingTable", () => {
  it("has a row for each number of GPUs, and none of a cluster that has fewer", () => {
    const table = scalingTable(() => training, [cluster, { ...cluster, name: "two GPUs", most: 2 }], "each").split(
      "\n",
    );
    expect(table[0]).toBe("| GPUs | compute, s | sent, MB | a cluster | two GPUs |");
    const two = stepTime(training, cluster, 2).total;
    const cell = `${two.toFixed(2)} (${(11.25 / two).toFixed(1)}x)`;
    expect(table[3]).toBe(`| 2 | 2.250 | 0 | ${cell} | ${cell} |`);
    expect(table[4]).toMatch(/^\| 4 \| 1.250 \| 0 \| [\d.]+ \([\d.]+x\) \|  \|$/);
  });
});

describe("localStepTime", () => {
  it("adds a part of a round's exchange to a step", () => {
    // Four of eight shards and the update; 12,000 bytes at 1,000 bytes/s each way, with headers; copies; the outer step.
    const { bytes, total } = localStepTime(training, cluster, 2, { every: 10, vectors: 3 });
    expect(bytes).toBeCloseTo(1200, 6);
    const wire = bytesOnWire(3000, 2) / 1000;
    expect(total).toBeCloseTo(2.25 + (wire + 1.25 + (2 * 12_000) / 8000 + (5 * 4000) / 12_000) / 10, 9);
  });

  it("sends 260 bytes for 256 values with int8, which take time to pack", () => {
    const float = localStepTime(training, cluster, 2, { every: 10, vectors: 1 });
    const int8 = (seconds: number) => localStepTime(training, cluster, 2, { every: 10, vectors: 1, int8: seconds });
    expect(int8(0).bytes / float.bytes).toBeCloseTo(260 / 1024, 9);
    const wires = (bytesOnWire(1000, 2) - bytesOnWire((1000 * 260) / 1024, 2)) / 1000;
    expect(float.total - int8(0).total).toBeCloseTo(wires / 10, 9);
    // 1,000 values that are sent, 1,000 of the own change, and the half of them whose sum it owns.
    expect(int8(0.01).total - int8(0).total).toBeCloseTo((0.01 * 2500) / 10, 9);
  });

  it("comes near a step without an exchange as rounds grow", () => {
    const { total } = localStepTime(training, cluster, 4, { every: 1e9, vectors: 1 });
    expect(total).toBeCloseTo(2 * 0.5 + 0.25, 6);
  });
});

describe("docs/lab/exchange.md", () => {
  it("counts the parameters of the paper's models", () => {
    expect(parametersOf("paper")).toBe(61_804_419);
    expect(parametersOf("paper_deep")).toBe(106_632_579);
  });

  it("has the tables as they are", () => {
    const docs = readFileSync(fileURLToPath(new URL("../../docs/lab/exchange.md", import.meta.url)), "utf8");
    const plain = (text: string) => text.replace(/ +/g, " ").replace(/-+:/g, "-:");
    expect(plain(docs)).toContain(plain(exchangeTables()));
    expect(plain(docs)).toContain(plain(localTables()));
  });
});
