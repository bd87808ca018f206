/** Sizes beyond which data is taken for an attack or a mistake rather than an image. */

/** Pixels of one image, H x W: 100 megapixels. */
export const MAX_PIXELS = 100e6;
/** Bytes of one encoded image or record. */
export const MAX_RECORD_BYTES = 512 * 1024 * 1024;
/** Bytes that have to be in memory at once: the images of one row group or record batch, the labels of a file. */
export const MAX_BLOCK_BYTES = 2 ** 31 - 1;
