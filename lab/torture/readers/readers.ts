/** Files with one bit or some bytes changed, given to their readers: each is read or refused, in bounds of time and memory. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { mutated, randomOf } from "../../exchange-fuzz/random.ts";
import type { Case, Outcome, Part, Scale } from "../part.ts";
import { samples, type Sample } from "./formats.ts";
import { ReaderProcess } from "./reader-process.ts";

/** One changed file, and how to say what was changed. */
interface Change {
  readonly what: string;
  readonly bytes: Buffer;
}

/** Files with one bit changed. */
function* oneBit(bytes: Buffer, step: number): Generator<Change> {
  for (let bit = 0; bit < 8 * bytes.length; bit += step) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    yield { what: `bit ${bit}`, bytes: changed };
  }
}

function* mutations(bytes: Buffer, count: number, seed: number): Generator<Change> {
  for (let i = 0; i < count; i++) {
    yield { what: `mutation ${i} of seed ${seed}`, bytes: mutated(bytes, randomOf(seed * 1e5 + i)) };
  }
}

/** A step that shares no factor with 8 visits every place in a byte. */
const STEPS: Record<Scale, number> = { quick: 37, full: 1 };
const MUTATIONS: Record<Scale, number> = { quick: 50, full: 2500 };

async function tryAll({ reader, from }: Sample, changes: Iterable<Change>): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "scorestream-torture-"));
  const path = join(folder, basename(from));
  const child = new ReaderProcess();
  const lost: string[] = [];
  let tries = 0;
  try {
    for (const { what, bytes } of changes) {
      tries++;
      writeFileSync(path, bytes);
      const said = await child.read({ reader, path });
      if (said !== "read" && said !== "refused") lost.push(`${basename(from)}, ${what}: ${said}`);
    }
  } finally {
    child.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return { tries, lost };
}

export const readersPart: Part = {
  summary: "files with bits and bytes changed, read in child processes",
  cases: (scale, seed) =>
    samples.flatMap((sample): Case[] => {
      const name = `${sample.reader} ${basename(sample.from)}`;
      const bytes = () => readFileSync(sample.from);
      return [
        { name: `${name}: one bit`, run: () => tryAll(sample, oneBit(bytes(), STEPS[scale])) },
        { name: `${name}: mutations`, run: () => tryAll(sample, mutations(bytes(), MUTATIONS[scale], seed)) },
      ];
    }),
};
