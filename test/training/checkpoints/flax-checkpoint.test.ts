import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { flaxPieces, type FlaxTree } from "../../../src/data/formats/flax-msgpack.ts";
import { namedArray, type NamedArray } from "../../../src/data/formats/named-array.ts";
import { UsageError } from "../../../src/base/errors.ts";
import { readAnyCheckpoint } from "../../../src/training/checkpoints/checkpoint-formats.ts";
import {
  openFlaxCheckpoint,
  readFlaxCheckpoint,
  writeFlaxCheckpoint,
} from "../../../src/training/checkpoints/flax-checkpoint.ts";
import { toStateDict } from "../../../src/training/checkpoints/state-dict.ts";
import { layoutWith, SHAPES, snapshotOf, storedCheckpoint, temporaryFile } from "./checkpoint-fixture.ts";

const layout = layoutWith(SHAPES);
const bytesOf = (tree: FlaxTree) => new Uint8Array(Buffer.concat([...flaxPieces(tree)]));
const good = () => bytesOf(toStateDict(storedCheckpoint()));
const floats = (...shape: number[]): NamedArray =>
  namedArray("F32", shape, new Float32Array(shape.reduce((a, b) => a * b, 1)));

function fileWith(bytes: Uint8Array): string {
  const path = temporaryFile("checkpoint_1");
  writeFileSync(path, bytes);
  return path;
}

/** The message with which a file is refused for a model of `layout`. */
function refusal(bytes: Uint8Array): string {
  const path = fileWith(bytes);
  try {
    readAnyCheckpoint(path, layout);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(path);
    return (error as Error).message;
  }
  throw new Error("the file was read");
}

/** The refusal of a good checkpoint after a change of its tree. */
function refusalAfter(change: (tree: Map<string, NamedArray | null>) => void): string {
  const tree = new Map(toStateDict(storedCheckpoint()));
  change(tree);
  return refusal(bytesOf(tree));
}

describe("a flax checkpoint", () => {
  it("comes back bit for bit", async () => {
    const path = temporaryFile("checkpoint_7");
    await writeFlaxCheckpoint(path, layout, snapshotOf(layout), { lr: 1e-3, emaRate: 0.5, seed: 9 });
    expect(readFlaxCheckpoint(path, layout)).toEqual(snapshotOf(layout));
    expect(new Uint8Array(readFileSync(path))).toEqual(good());
    expect(readAnyCheckpoint(path, layout)).toEqual(snapshotOf(layout));
  });

  it("is in the order of the layout, whatever the order in the file", () => {
    const reversed = new Map([...toStateDict(storedCheckpoint())].reverse());
    expect(readFlaxCheckpoint(fileWith(bytesOf(reversed)), layout)).toEqual(snapshotOf(layout));
    const other = layoutWith(Object.fromEntries(Object.entries(SHAPES).reverse()));
    const { ema } = readFlaxCheckpoint(fileWith(good()), other);
    expect(ema[other.slots.at(-1)!.offset]).toBe(snapshotOf(layout).ema[0]);
  });

  it("may have plain numbers, as before the first step", () => {
    const count = namedArray("I64", [], BigInt64Array.of(7n));
    const tree = new Map([...toStateDict(storedCheckpoint()), ["step", count] as const]);
    const bytes = Buffer.from(bytesOf(tree));
    const at = bytes.indexOf("step") + 4;
    // ext8 of 18 bytes gives way to the integer 7.
    expect([...bytes.subarray(at, at + 2)]).toEqual([0xc7, 18]);
    const plain = Buffer.concat([bytes.subarray(0, at), Uint8Array.of(7), bytes.subarray(at + 3 + 18)]);
    expect(readFlaxCheckpoint(fileWith(plain), layout).step).toBe(7);
  });

  it("of a dequantizer keeps its fields and has no model_state", () => {
    const stored = storedCheckpoint();
    const real = namedArray("F32", [], Float32Array.of(3.5));
    const fields = new Map([...stored.fields, ["ema_train_bpd", real], ["ema_eval_bpd", real]]);
    const bytes = bytesOf(toStateDict({ ...stored, fields }));
    expect(Buffer.from(bytes).includes("model_state")).toBe(false);
    expect(bytesOf(toStateDict(openFlaxCheckpoint(fileWith(bytes))))).toEqual(bytes);
  });
});

describe("a flax checkpoint is refused", () => {
  it("cut short, wherever", () => {
    const bytes = good();
    for (let n = 0; n < bytes.length; n += 7) expect(refusal(bytes.subarray(0, n))).toMatch(/damaged|not a checkpoint/);
  });

  it("with single bytes changed, or is read: nothing else happens", () => {
    const bytes = good();
    for (let at = 0; at < bytes.length; at += 3) {
      const changed = bytes.slice();
      changed[at]! ^= 0xff;
      const path = fileWith(changed);
      try {
        expect(readAnyCheckpoint(path, layout).ema).toHaveLength(layout.length);
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
      }
    }
  });

  const tree = (...bytes: number[]) => Uint8Array.of(0x81, 0xa1, 0x61, ...bytes);
  it.each([
    ["bytes of 4 GB", tree(0xc6, 0xff, 0xff, 0xff, 0xff), /4294967295 bytes should follow, the file has 0/],
    ["an extension of 4 GB", tree(0xc9, 0xff, 0xff, 0xff, 0xff, 1), /4294967295 bytes should follow/],
    ["a map of 4 G entries", Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff), /map of 4294967295 entries does not fit/],
    ["a list of 4 G values", tree(0xdd, 0xff, 0xff, 0xff, 0xff), /list of 4294967295 values/],
    ["a text of 4 GB", tree(0xdb, 0xff, 0xff, 0xff, 0xff), /text of 4294967295 bytes/],
    ["an integer beyond 2^53", tree(0xcf, ...Array<number>(8).fill(0xff)), /integer 18446744073709551615 is too large/],
    ["a name twice", Uint8Array.of(0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2), /"a" comes twice/],
    ["a number for a name", Uint8Array.of(0x81, 1, 1), /a name is not text/],
    ["a name with a slash", Uint8Array.of(0x81, 0xa3, 0x61, 0x2f, 0x62, 1), /a branch with the name "a\/b"/],
    ["text that is not UTF-8", Uint8Array.of(0x81, 0xa1, 0xff, 1), /not UTF-8/],
    ["something after the end", Uint8Array.of(0x80, 0x80), /1 bytes follow the end/],
    ["a byte without meaning", tree(0xc1), /0xc1 begins no value/],
    ["text for an array", tree(0xa1, 0x62), /"a": "b" where an array should be/],
    ["a list for an array", tree(0x91, 1), /"a": a list where an array should be/],
    ["an unknown extension", tree(0xd4, 9, 0), /"a": extension 9 is no array/],
    ["an array without parts", tree(0xd4, 1, 0x90), /not given by shape, dtype and bytes/],
    [
      "a dtype that is not known",
      tree(0xc7, 5, 1, 0x93, 0x90, 0xa1, 0x78, 0xc0),
      /the dtype is "x"; known are float64/,
    ],
  ])("with %s", (_, bytes, message) => {
    expect(refusal(bytes)).toMatch(message);
  });

  it("with thousands of levels, at little cost", () => {
    expect(refusal(Buffer.concat([tree(), Buffer.alloc(1_000_000, 0x91)]))).toMatch(/more than 32 levels/);
  });

  it("with a shape that its bytes do not have", () => {
    const huge = { ...floats(2), shape: [2 ** 20, 2 ** 20, 2 ** 20] };
    expect(refusalAfter((t) => t.set("params_ema/Conv_0/bias", huge))).toMatch(
      /"params_ema\/Conv_0\/bias": \[1048576, 1048576, 1048576\] of float32 needs 4611686018427388000 bytes, it has 8/,
    );
  });

  it("listing names and shapes of another model, each once", () => {
    const other = { "Conv_0/bias": [3], "Conv_0/kernel": [3, 3, 1, 2], "Conv_1/bias": [2] };
    const stored = { ...storedCheckpoint(), layout: layoutWith(other), snapshot: snapshotOf(layoutWith(other)) };
    expect(refusal(bytesOf(toStateDict(stored)))).toContain(
      "does not fit the model:\n  Conv_0/bias: [3] in the file, [2] in the model\n" +
        "  Dense_0/kernel: none in the file, [5, 4] in the model\n  Conv_1/bias: [2] in the file, none in the model\n  remedy:",
    );
  });

  it("listing eight differences and the number of the others", () => {
    const other = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`Other_${i}/bias`, [1]]));
    const stored = { ...storedCheckpoint(), layout: layoutWith(other), snapshot: snapshotOf(layoutWith(other)) };
    const lines = refusal(bytesOf(toStateDict(stored))).split("\n");
    expect(lines).toHaveLength(1 + 8 + 1 + 1);
    expect(lines[9]).toBe("  (and 15 more)");
  });

  it.each([
    ["params_ema/Conv_0/bias", null, "params_ema/Conv_0/bias: none in the file, [2] is expected"],
    [
      "params_ema/Conv_0/bias",
      namedArray("F64", [2], new Float64Array(2)),
      "params_ema/Conv_0/bias: [2] F64 in the file",
    ],
    ["optimizer/state/param_states/Conv_0/bias/grad_ema", floats(4), "Conv_0/bias/grad_ema: [4] in the file, [2] is"],
    ["optimizer/state/param_states/Conv_0/bias/other", floats(2), "Conv_0/bias/other: a checkpoint has no such field"],
    ["step", null, "step: none in the file, an integer is expected"],
    ["step", floats(), "step: [] in the file, an integer is expected"],
    ["step", namedArray("I32", [], Int32Array.of(-1)), "step: -1 is not a number of steps"],
    ["optimizer/state/step", namedArray("I32", [], Int32Array.of(3)), "optimizer/state/step: 3 in the file, step is 7"],
    ["rng", floats(2), "rng: [2] in the file, the 2 numbers of a random key is expected"],
    ["__proto__", floats(1), "__proto__: a checkpoint has no such field"],
    ["constructor", floats(1), "constructor: a checkpoint has no such field"],
    ["model_state/batch_stats/mean", floats(1), "model_state/batch_stats/mean: a checkpoint has no such field"],
  ])("when %s is wrong", (name, array, message) => {
    const text = refusalAfter((t) => (array ? t.set(name, array) : t.delete(name)));
    expect(text).toContain(message);
  });
});

describe("no checkpoint", () => {
  it.each([
    ["text", Buffer.from('{"a": 1}')],
    ["nothing", new Uint8Array(0)],
    ["zeros", new Uint8Array(64)],
  ])("is %s", (_, bytes) => {
    expect(refusal(bytes)).toContain("is not a checkpoint");
  });

  it("is a folder, a pipe, or a file that is not there", () => {
    const path = temporaryFile("x");
    expect(() => readAnyCheckpoint(path, layout)).toThrow(/cannot be read: ENOENT/);
    mkdirSync(path);
    expect(() => readAnyCheckpoint(path, layout)).toThrow(UsageError);
    const pipe = join(dirname(path), "pipe");
    execFileSync("mkfifo", [pipe]);
    expect(() => readAnyCheckpoint(pipe, layout)).toThrow(/it is not a file/);
  });
});
