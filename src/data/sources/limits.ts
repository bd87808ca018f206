/** Sizes beyond which data is taken for an attack or a mistake rather than an image. */

/** Pixels of one image, H x W: 100 megapixels. */
export const MAX_PIXELS = 100e6;
/** Bytes of an image file. */
export const MAX_FILE_BYTES = 512 * 1024 * 1024;
/** Bytes of a record, or of a file in an archive, which may be packed: what it costs is not seen by its size. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;
/** Bytes of the pixels of one image: 8 bits, 3 channels. */
export const MAX_PICTURE_BYTES = 3 * MAX_PIXELS;
/** Labels of one file. */
export const MAX_LABELS = 2 ** 26;
/** Bytes that have to be in memory at once: the images of one row group or record batch, the labels of a file. */
export const MAX_BLOCK_BYTES = 2 ** 31 - 1;
/** Rows of a row group of Parquet; PyArrow writes 2^20 unless it is told otherwise. */
export const MAX_GROUP_ROWS = 2 ** 22;
/** Values of a row group, which are numbers of 8 bytes in memory when they are pixels in lists. */
export const MAX_GROUP_VALUES = 2 ** 26;
/** Data that unpack to more than this, */
export const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;
/** and to more than this times what they are packed in, are a bomb: images have been packed already, pixels are noisy. */
export const MAX_UNPACKED_RATIO = 128;
/** Values in all lists of one tf.train.Example. */
export const MAX_FEATURE_VALUES = 2 ** 20;
