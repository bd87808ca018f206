/** A file of MNIST, unpacked. */
export interface MnistFile {
  readonly name: string;
  readonly sha256: string;
}

/**
 * MNIST as its authors publish it, 60,000 and 10,000 images.
 *
 * The hashes are those of the unpacked files, whose MD5s everyone gives (images 6bbc9ace898e44ae57da46a324031adb and
 * 2646ac647ad5339dbf082846283269ea, labels a25bea736e30d166cdddb491f175f624 and 27ae3e4e09519cfbb04c329615203637):
 * of the packed ones there is more than one, as the same content can be packed in many ways.
 */
export const officialMnist: readonly MnistFile[] = [
  {
    name: "train-images-idx3-ubyte",
    sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
  },
  {
    name: "train-labels-idx1-ubyte",
    sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
  },
  {
    name: "t10k-images-idx3-ubyte",
    sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
  },
  {
    name: "t10k-labels-idx1-ubyte",
    sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
  },
];
