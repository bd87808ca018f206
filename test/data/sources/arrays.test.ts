import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openArrays } from "../../../src/data/sources/arrays.ts";
import { UsageError } from "../../../src/base/errors.ts";
import { badOf, damaged, expected, fixture, flipByte, readAll, temporaryFolder, withoutNames } from "./fixture.ts";

const open = (path: string, more = {}) => openArrays({ path, split: "train", ...more });
const five = expected([3, 1, 4, 1, 5], [4, 6, 3]);

describe("openArrays", () => {
  it.each(["stored.npz", "packed.npz"])("reads images and labels of %s, as NumPy wrote it", async (name) => {
    const source = await open(fixture(name));
    const all = await readAll(source);
    expect(source.length).toBe(5);
    expect(withoutNames(all)).toEqual(five);
    expect(all[2]!.name).toBe(`${fixture(name)}: image 2`);
  });

  it("reads grey images and channels in front", async () => {
    expect(withoutNames(await readAll(await open(fixture("grey.npy"))))).toEqual(
      expected([undefined, undefined, undefined], [4, 6, 1]),
    );
    const planes = await readAll(await open(fixture("planes.npy"), { layout: "chw" }));
    expect(planes.map(({ data }) => data)).toEqual(five.map(({ data }) => data));
  });

  it("grows grey to colour when asked", async () => {
    const [first] = await readAll(await open(fixture("grey.npy"), { channels: 3 }));
    const grey = expected([0], [4, 6, 1])[0]!.data;
    expect(first).toMatchObject({ shape: [4, 6, 3], data: grey.flatMap((value) => [value, value, value]) });
  });

  it("names what it cannot take", async () => {
    await expect(open(fixture("planes.npy"))).rejects.toThrow(/\[5, 3, 4, 6\] are no images.*\n.*--layout chw/);
    await expect(open(fixture("floats.npy"))).rejects.toThrow(/type <f4, expected bytes/);
    await expect(open(fixture("fortran.npy"))).rejects.toThrow(/Fortran order/);
    await expect(open(fixture("valid_32x32.tar"))).rejects.toThrow(UsageError);
    await expect(open(join(temporaryFolder(), "none"))).rejects.toThrow(/there is no such file/);
  });

  it("refuses labels that are not as many as the images", async () => {
    const path = damaged("stored.npz", (bytes) => {
      const at = bytes.lastIndexOf("'shape': (5,)");
      expect(at).toBeGreaterThan(0);
      bytes.write("'shape': (4,)", at, "latin1");
      return bytes;
    });
    await expect(open(path)).rejects.toThrow(/4 labels for 5 images/);
  });

  it("gives the images before a cut and one bad entry that counts the rest", async () => {
    const path = damaged("grey.npy", (bytes) => bytes.subarray(0, bytes.length - 30));
    const all = await readAll(await open(path));
    expect(all).toHaveLength(2);
    expect(badOf(all)).toMatchObject([{ where: `${path}: image 1`, lost: 2 }]);
  });

  it("finds a changed byte by the checksum, and data behind what the header says", async () => {
    const changed = damaged("stored.npz", (bytes) => flipByte(bytes, bytes.indexOf("NUMPY") + 300));
    expect(badOf(await readAll(await open(changed)))[0]!.reason).toMatch(/checksum is wrong/);
    const longer = damaged("grey.npy", (bytes) => Buffer.concat([bytes, Buffer.alloc(9)]));
    const all = await readAll(await open(longer));
    expect(all).toHaveLength(4);
    expect(badOf(all)[0]!.reason).toMatch(/longer than its header says/);
  });

  it("stops unpacking where an archive holds more than it declares", async () => {
    const path = damaged("packed.npz", (bytes) => {
      // Uncompressed size of the first entry in the central directory: 488 bytes in truth.
      const at = bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2])) + 24;
      expect(bytes.readUInt32LE(at)).toBe(488);
      bytes.writeUInt32LE(300, at);
      return bytes;
    });
    await expect(open(path)).rejects.toThrow(/arr_0\.npy: longer than the 300 bytes it declares/);
  });

  it("does not believe a header that promises a huge array", async () => {
    const path = damaged("grey.npy", (bytes) => {
      const at = bytes.indexOf("(3, 4, 6)");
      bytes.write("(3000000000, 4, 6), }".padEnd(24), at, "latin1");
      return bytes;
    });
    const all = await readAll(await open(path));
    expect(badOf(all)).toMatchObject([{ lost: 3_000_000_000 - 3 }]);
  });

  it("says what is wrong with an archive that is none", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "a.npz"), "no archive");
    await expect(open(folder)).rejects.toThrow(/a\.npz: not a whole zip archive: no zip directory/);
  });
});
