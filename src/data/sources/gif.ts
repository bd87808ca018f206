const [EXTENSION, CONTROL, TABLE] = [0x21, 0xf9, 0x80];

/** The end of a colour table behind `flags`. */
const tableEnd = (flags: number, at: number) => (flags & TABLE ? at + 3 * 2 ** ((flags & 7) + 1) : at);

/**
 * A GIF whose first picture has no transparent colour: its pixels keep the colour of the palette, where libvips makes
 * them black. Other files, and damaged ones, as they are.
 *
 * @see https://www.w3.org/Graphics/GIF/spec-gif89a.txt
 */
export function opaqueGif(bytes: Uint8Array): Uint8Array {
  if (Buffer.from(bytes.subarray(0, 4)).toString("latin1") !== "GIF8") return bytes;
  for (let at = tableEnd(bytes[10] ?? 0, 13); bytes[at] === EXTENSION;) {
    if (bytes[at + 1] === CONTROL && bytes[at + 3]! & 1) {
      const opaque = Uint8Array.from(bytes);
      opaque[at + 3]! &= ~1;
      return opaque;
    }
    for (at += 2; bytes[at]; at += 1 + bytes[at]!);
    at++;
  }
  return bytes;
}
