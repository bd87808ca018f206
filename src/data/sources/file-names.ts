/** Names of files of images: of those that hold one by their endings, of those that hold many by format. */

/** Endings of image files, without the dot, as part of a pattern. */
export const IMAGE_ENDINGS = "png|jpe?g|jpe|jfif|webp|gif|tiff?|avif";

export const FILE_NAMES = {
  parquet: /\.parquet$/i,
  // The last form is that of the Inception and ImageNet scripts: "train-00000-of-01024".
  tfrecords: /\.tfrec(ords?)?(-\d+-of-\d+)?(\.gz)?$|-\d+-of-\d+\.tfrec(ords?)?(\.gz)?$|-\d{5}-of-\d{5}$/i,
  webdataset: /\.tar(\.gz)?$|\.tgz$/i,
  arrays: /\.np[yz]$/i,
  arrow: /\.arrows?$|\.feather$/i,
} as const;
