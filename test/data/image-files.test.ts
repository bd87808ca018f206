import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { RecordBatchReader } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { readArrowFile, writeFileAtomic } from "../../src/data/formats/arrow-file.ts";
import { imageArrowPieces } from "../../src/data/formats/image-arrow.ts";
import { readNpz } from "../../src/data/formats/npz.ts";
import { fitsNpz, npzPieces, npzSize } from "../../src/data/formats/npz-stream.ts";
import { temporaryFolder } from "../cli/fixture.ts";
import { pythonWith } from "../support/python.ts";

const shape = [4, 3, 3] as const;
const size = 36;
const pixels = Uint8Array.from({ length: 7 * size }, (_, i) => (i * 31) % 256);
/** The seven images in pieces of three. */
const pieces = () => [0, 3, 6].map((first) => pixels.subarray(first * size, Math.min(first + 3, 7) * size));
const PRINT = "import sys, zlib, numpy as np";

describe("npzPieces", () => {
  it("writes what numpy reads", { timeout: 120_000 }, async () => {
    const path = join(temporaryFolder(), "samples.npz");
    await writeFileAtomic(path, npzPieces("samples", [7, ...shape], pieces));
    const program = `${PRINT}
f = np.load(sys.argv[1])
a = f["samples"]
print(f.files, a.shape, a.dtype, zlib.crc32(a.tobytes()), f.zip.testzip(), a[6, 3, 2, 1])`;
    const { stdout, stderr } = pythonWith("numpy==2.3.4").run(program, path);
    const raw = join(temporaryFolder(), "raw");
    writeFileSync(raw, pixels);
    const sum = pythonWith("numpy==2.3.4").run(`${PRINT}\nprint(zlib.crc32(open(sys.argv[1], "rb").read()))`, raw);
    const last = pixels[6 * size + 3 * 9 + 2 * 3 + 1]!;
    expect(stdout, stderr).toBe(`['samples'] (7, 4, 3, 3) uint8 ${sum.stdout.trim()} None ${last}\n`);
  });

  it("writes what the program itself reads, of the size it says", async () => {
    const path = join(temporaryFolder(), "samples.npz");
    const all = Buffer.concat([...npzPieces("samples", [7, ...shape], pieces)]);
    expect(all.length).toBe(npzSize("samples", [7, ...shape]));
    writeFileSync(path, all);
    const array = (await readNpz(path)).get("samples")!;
    expect(array.shape).toEqual([7, ...shape]);
    expect(Buffer.compare(Buffer.from(array.data as Uint8Array), pixels)).toBe(0);
  });

  it("refuses another number of values, and 4 GiB", () => {
    expect(() => [...npzPieces("samples", [8, ...shape], pieces)]).toThrow(/252 values are not \[8,4,3,3\]/);
    expect(fitsNpz("samples", [1_398_100, 32, 32, 3])).toBe(true);
    expect(fitsNpz("samples", [1_398_102, 32, 32, 3])).toBe(false);
    expect(() => npzPieces("samples", [1_398_102, 32, 32, 3], pieces).next()).toThrow(/4 GiB/);
  });
});

describe("imageArrowPieces", () => {
  it("writes a record batch a piece", async () => {
    const path = join(temporaryFolder(), "samples.arrow");
    const file = Buffer.concat([...imageArrowPieces(shape, pieces())]);
    writeFileSync(path, file);
    const batches = [...RecordBatchReader.from(file)];
    expect(batches.map(({ numRows }) => numRows)).toEqual([3, 3, 1]);
    const values = batches.map(({ data, numRows }) =>
      (data.children[0]!.children[0]!.values as Uint8Array).subarray(0, numRows * size),
    );
    expect(Buffer.compare(Buffer.concat(values), pixels)).toBe(0);
    const program = `import sys, pyarrow as pa
t = pa.ipc.open_file(sys.argv[1]).read_all()
print(t.num_rows, t.schema.field("image").type, t.schema.field("image").metadata, sum(map(sum, t["image"].to_pylist())))`;
    const { stdout, stderr } = pythonWith("pyarrow==21.0.0").run(program, path);
    const sum = pixels.reduce((a, b) => a + b, 0);
    const type = "extension<arrow.fixed_shape_tensor[value_type=uint8, shape=[4,3,3]]>";
    expect(stdout, stderr).toBe(`7 ${type} {b'shape': b'[4,3,3]'} ${sum}\n`);
  }, 120_000);

  it("writes one piece so that it is read as one", () => {
    const path = join(temporaryFolder(), "samples.arrow");
    writeFileSync(path, Buffer.concat([...imageArrowPieces(shape, [pixels])]));
    const { rows, columns } = readArrowFile(path);
    expect([rows, columns.get("image")!.shape]).toEqual([7, [...shape]]);
  });

  it("hands a piece on before it takes the next", () => {
    const taken: number[] = [];
    const source = function* () {
      for (const [i, piece] of pieces().entries()) {
        taken.push(i);
        yield piece;
      }
    };
    let pending = 0;
    for (const piece of imageArrowPieces(shape, source())) {
      if (piece.buffer !== pixels.buffer) continue; // Not values, but what stands around them.
      pending++;
      expect(taken.length).toBe(pending);
    }
    expect(pending).toBe(3);
  });
});
