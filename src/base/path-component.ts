/** Bytes that file systems allow in a name. */
const LONGEST = 255;

/** Whether a name from outside is that of one file or folder where it is put, and of none elsewhere. */
export const isPathComponent = (name: string): boolean =>
  // eslint-disable-next-line no-control-regex -- no file name has them
  /^[^/\\\u0000-\u001f]+$/.test(name) && !/^\.+$/.test(name) && Buffer.byteLength(name) <= LONGEST;
