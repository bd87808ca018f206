/** Names of files that hold many images each, by format. */

export const FILE_NAMES = {
  parquet: /\.parquet$/,
  // The last form is that of the Inception and ImageNet scripts: "train-00000-of-01024".
  tfrecords: /\.tfrec(ords?)?(-\d+-of-\d+)?(\.gz)?$|-\d+-of-\d+\.tfrec(ords?)?(\.gz)?$|-\d{5}-of-\d{5}$/,
  webdataset: /\.tar(\.gz)?$|\.tgz$/,
  arrays: /\.np[yz]$/,
  arrow: /\.arrows?$|\.feather$/,
} as const;
