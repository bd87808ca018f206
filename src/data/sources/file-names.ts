/** Names of files that hold many images each, by format. */

export const FILE_NAMES = {
  parquet: /\.parquet$/i,
  // The last form is that of the Inception and ImageNet scripts: "train-00000-of-01024".
  tfrecords: /\.tfrec(ords?)?(-\d+-of-\d+)?(\.gz)?$|-\d+-of-\d+\.tfrec(ords?)?(\.gz)?$|-\d{5}-of-\d{5}$/i,
  webdataset: /\.tar(\.gz)?$|\.tgz$/i,
  arrays: /\.np[yz]$/i,
  arrow: /\.arrows?$|\.feather$/i,
} as const;
