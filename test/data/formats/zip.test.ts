import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { expect, it } from "vitest";
import { crc32 } from "../../../src/base/crc.ts";
import { readZip, readZipEntry, zipContent } from "../../../src/data/formats/zip.ts";
import { temporaryFolder } from "../sources/fixture.ts";

interface Made {
  readonly method?: number;
  readonly size?: number;
  readonly crc?: number;
  readonly comment?: string;
  readonly flags?: number;
  /** Bytes that the directory says are in the archive. */
  readonly packed?: number;
  /** Turns a bit of the content. */
  readonly damaged?: boolean;
  /** Sizes and offset stand in an extra field, the directory's place in a record of its own. */
  readonly zip64?: boolean;
}

const content = Buffer.from("what is in the archive");
const words = (...of: (readonly [bytes: 2 | 4 | 8, value: number])[]) =>
  Buffer.concat(
    of.map(([bytes, value]) => {
      const out = Buffer.alloc(8);
      out.writeBigUInt64LE(BigInt(value));
      return out.subarray(0, bytes);
    }),
  );

/** An archive of one entry "a", and an extra field in front of the one that counts. */
function archive({
  method = 0,
  size = content.length,
  crc = crc32(content),
  comment = "",
  flags = 0,
  zip64 = false,
  damaged = false,
  ...said
}: Made): string {
  const packed = Buffer.from(method === 8 ? deflateRawSync(content) : content);
  if (damaged) packed[3]! ^= 4;
  const local = Buffer.concat([words([4, 0x04034b50], ...Array<[2, 0]>(11).fill([2, 0]), [2, 1], [2, 3]), Buffer.from("axyz")]); // prettier-ignore
  const lead = Buffer.from("in front");
  const extra = zip64
    ? words([2, 9], [2, 2], [2, 7], [2, 1], [2, 24], [8, size], [8, packed.length], [8, lead.length])
    : Buffer.alloc(0);
  const numbers = zip64 ? [0xffffffff, 0xffffffff, 0xffffffff] as const : [said.packed ?? packed.length, size, lead.length] as const; // prettier-ignore
  const line = Buffer.concat([
    words(
      [4, 0x02014b50],
      [2, 20],
      [2, 20],
      [2, flags],
      [2, method],
      [4, 0],
      [4, crc],
      [4, numbers[0]],
      [4, numbers[1]],
    ),
    words([2, 1], [2, extra.length], [2, 2], [4, 0], [4, 0], [4, numbers[2]]),
    ...[Buffer.from("a"), extra, Buffer.from("//")],
  ]);
  const start = lead.length + local.length + packed.length;
  const end64 = zip64
    ? [
        words([4, 0x06064b50], [8, 44], [4, 0], [8, 0], [8, 1], [8, 1], [8, line.length], [8, start]),
        words([4, 0x07064b50], [4, 0], [8, start + line.length], [4, 1]),
      ]
    : [];
  const end = words([4, 0x06054b50], [4, 0], [2, 1], [2, zip64 ? 0xffff : 1], [4, line.length]);
  const place = words([4, zip64 ? 0xffffffff : start], [2, comment.length]);
  const path = join(temporaryFolder(), "a.zip");
  writeFileSync(path, Buffer.concat([lead, local, packed, line, ...end64, end, place, Buffer.from(comment)]));
  return path;
}

const refuse = (reason: string) => new Error(`refused: ${reason}`);

async function whole(path: string): Promise<string> {
  const [entry] = await readZip(path, refuse);
  return Buffer.from(await readZipEntry(path, entry!, refuse)).toString();
}

async function frontToBack(path: string): Promise<string> {
  const [entry] = await readZip(path, refuse);
  const parts: Uint8Array[] = [];
  for await (const part of zipContent(path, entry!, refuse)) parts.push(part);
  return Buffer.concat(parts).toString();
}

it.each<[string, Made]>([
  ["stored", {}],
  ["deflated", { method: 8 }],
  ["behind a comment", { comment: "c".repeat(65_535) }],
  ["with numbers of 64 bits", { zip64: true, method: 8 }],
])("reads an entry %s, whole and front to back", async (_, how) => {
  const path = archive(how);
  expect(await readZip(path, refuse)).toMatchObject([{ name: "a", size: 22, offset: 8, crc: crc32(content) }]);
  expect([await whole(path), await frontToBack(path)]).toEqual(Array(2).fill("what is in the archive"));
});

it.each<[Made, string]>([
  [{ size: 21 }, "longer than the 21 bytes it declares"],
  [{ size: 21, method: 8 }, "longer than the 21 bytes it declares"],
  [{ size: 23, method: 8 }, "cut short: 22 of 23 bytes"],
  [{ packed: 2 ** 30 }, "cut short: it would end at byte 1073741866 of"],
  [{ crc: 1 }, "damaged: its checksum is wrong"],
  [{ damaged: true }, "damaged: its checksum is wrong"],
  [{ damaged: true, method: 8 }, "damaged: it"],
  [{ method: 12 }, "packed by zip method 12, which is not supported"],
  [{ flags: 1 }, "encrypted"],
])("refuses %j, whole and front to back", async (how, reason) => {
  const path = archive(how);
  await expect(whole(path)).rejects.toThrow(`refused: ${reason}`);
  await expect(frontToBack(path)).rejects.toThrow(`refused: ${reason}`);
});

it("refuses an archive that is cut or whose records are of other places", async () => {
  const path = archive({ zip64: true });
  const bytes = readFileSync(path);
  const changed = async (change: (bytes: Buffer) => Uint8Array) => {
    writeFileSync(path, change(Buffer.from(bytes)));
    await expect(readZip(path, refuse)).rejects.toThrow(/^refused: /);
  };
  await changed((all) => all.subarray(0, -30));
  await changed((all) => all.subarray(50));
  // Each number of the 64-bit record: lines, bytes and place of the directory.
  const record = bytes.indexOf(words([4, 0x06064b50]));
  for (const field of [32, 40, 48]) {
    await changed((all) => (all.writeBigUInt64LE(2n ** 63n, record + field), all));
  }
});
