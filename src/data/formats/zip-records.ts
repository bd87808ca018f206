/** The records of a zip archive that reading and writing share. @see PKWARE's APPNOTE.TXT, 4.3 */

/** Stands before the bytes of each entry. */
export const LOCAL = { signature: 0x04034b50, size: 30 };
/** An entry's line of the directory. */
export const CENTRAL = { signature: 0x02014b50, size: 46 };
/** The last record. */
export const END = { signature: 0x06054b50, size: 22 };
export const STORED = 0;
export const DEFLATED = 8;
/** Flag of an entry that needs a password. */
export const ENCRYPTED = 1;
/** Flag of a name in UTF-8. */
export const UTF8_NAME = 1 << 11;
/** Numbers that stand for larger ones, which the zip64 records hold. */
export const U16 = 0xffff;
export const U32 = 0xffffffff;

const VERSION = 20;
/** 1 January 1980, the first date of the format: the same arrays make the same bytes. */
const DATE = 0x21;

/** An entry to write. */
export interface WrittenEntry {
  readonly name: Buffer;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  /** Bytes in the archive. */
  readonly packed: number;
  readonly size: number;
}

/** The fields that an entry's local header and its line of the directory share. */
function sharedFields({ name, flags, method, crc, packed, size }: WrittenEntry): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(VERSION, 0);
  fields.writeUInt16LE(flags, 2);
  fields.writeUInt16LE(method, 4);
  fields.writeUInt16LE(DATE, 8);
  fields.writeUInt32LE(crc, 10);
  fields.writeUInt32LE(packed, 14);
  fields.writeUInt32LE(size, 18);
  fields.writeUInt16LE(name.length, 22);
  return fields;
}

/** Stands before the bytes of an entry. */
export function localHeader(entry: WrittenEntry): Buffer {
  const header = Buffer.alloc(LOCAL.size);
  header.writeUInt32LE(LOCAL.signature, 0);
  header.set(sharedFields(entry), 4);
  return Buffer.concat([header, entry.name]);
}

/** An entry's line of the directory. @param offset Of its local header. */
export function directoryLine(entry: WrittenEntry, offset: number): Buffer {
  const line = Buffer.alloc(CENTRAL.size);
  line.writeUInt32LE(CENTRAL.signature, 0);
  line.writeUInt16LE(VERSION, 4);
  line.set(sharedFields(entry), 6);
  line.writeUInt32LE(offset, 42);
  return Buffer.concat([line, entry.name]);
}

/** The last record. @param offset Of the directory, of `count` lines and `length` bytes. */
export function endRecord(count: number, length: number, offset: number): Buffer {
  const end = Buffer.alloc(END.size);
  end.writeUInt32LE(END.signature, 0);
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(length, 12);
  end.writeUInt32LE(offset, 16);
  return end;
}
