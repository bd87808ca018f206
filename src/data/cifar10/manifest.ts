/** One file of the binary version: records of a label byte and 3 x 32 x 32 pixels, channel by channel. */
export interface BatchFile {
  readonly name: string;
  readonly split: "train" | "test";
  readonly sha256: string;
}

/** The files of CIFAR-10, and their sizes and checksums. */
export interface Cifar10Manifest {
  /** Images in each file. */
  readonly imagesPerFile: number;
  /** The files, in the order of the images. */
  readonly files: readonly BatchFile[];
}

/** Name of class i is `classNames[i]`. */
export const classNames = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
] as const;

/** [H, W, C] */
export const shape = [32, 32, 3] as const;
export const pixels = 32 * 32 * 3;
export const recordBytes = 1 + pixels;

const file = (name: string, sha256: string): BatchFile => ({
  name: `${name}.bin`,
  split: name === "test_batch" ? "test" : "train",
  sha256,
});

/** CIFAR-10 as its authors publish it, https://www.cs.toronto.edu/~kriz/cifar.html (binary version). */
export const officialCifar10: Cifar10Manifest = {
  imagesPerFile: 10_000,
  files: [
    file("data_batch_1", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
    file("data_batch_2", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
    file("data_batch_3", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
    file("data_batch_4", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
    file("data_batch_5", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    file("test_batch", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
  ],
};
