/** Bytes that file systems allow in a name. */
const LONGEST = 255;

/** True for a name from outside that names one file or folder in the place where it is put, and nothing elsewhere. */
export const isPathComponent = (name: string): boolean =>
  // eslint-disable-next-line no-control-regex -- no file name has them
  /^[^/\\\u0000-\u001f]+$/.test(name) && !/^\.+$/.test(name) && Buffer.byteLength(name) <= LONGEST;
