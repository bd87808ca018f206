import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { expect, it } from "vitest";
import { crc32 } from "../../../src/base/crc.ts";
import { readZip, zipContent } from "../../../src/data/sources/zip.ts";
import { temporaryFolder } from "./fixture.ts";

interface Made {
  readonly method?: number;
  readonly size?: number;
  readonly crc?: number;
  readonly comment?: string;
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
  zip64 = false,
}: Made): string {
  const packed = method === 8 ? deflateRawSync(content) : content;
  const local = Buffer.concat([words([4, 0x04034b50], ...Array<[2, 0]>(11).fill([2, 0]), [2, 1], [2, 3]), Buffer.from("axyz")]); // prettier-ignore
  const lead = Buffer.from("in front");
  const extra = zip64
    ? words([2, 9], [2, 2], [2, 7], [2, 1], [2, 24], [8, size], [8, packed.length], [8, lead.length])
    : Buffer.alloc(0);
  const said = zip64 ? [0xffffffff, 0xffffffff, 0xffffffff] as const : [packed.length, size, lead.length] as const; // prettier-ignore
  const line = Buffer.concat([
    words([4, 0x02014b50], [2, 20], [2, 20], [2, 0], [2, method], [4, 0], [4, crc], [4, said[0]], [4, said[1]]),
    words([2, 1], [2, extra.length], [2, 2], [4, 0], [4, 0], [4, said[2]]),
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

async function read(path: string): Promise<string> {
  const [entry] = await readZip(path);
  const parts: Uint8Array[] = [];
  for await (const part of zipContent(path, entry!)) parts.push(part);
  return Buffer.concat(parts).toString();
}

it.each<[string, Made]>([
  ["stored", {}],
  ["deflated", { method: 8 }],
  ["behind a comment", { comment: "c".repeat(65_535) }],
  ["with numbers of 64 bits", { zip64: true, method: 8 }],
])("reads an entry %s", async (_, how) => {
  const path = archive(how);
  expect(await readZip(path)).toMatchObject([{ name: "a", size: 22, offset: 8, crc: crc32(content) }]);
  expect(await read(path)).toBe("what is in the archive");
});

it.each<[Made, string]>([
  [{ size: 21 }, "a.zip: a: longer than the 21 bytes it declares"],
  [{ size: 23, method: 8 }, "a.zip: a: cut short: 22 of 23 bytes"],
  [{ crc: 1 }, "a.zip: a: damaged: its checksum is wrong"],
  [{ method: 12 }, "a.zip: a: zip method 12 is not supported"],
])("refuses %j", async (how, reason) => {
  await expect(read(archive(how))).rejects.toThrow(reason);
});
