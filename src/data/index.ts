/** Entry `scorestream/data`: sources of images, their formats, and prepared shards. */

// Sources
export {
  type Shape,
  type Picture,
  type SourceEntry,
  type FileStamp,
  type Source,
  pixelsOf,
  shapeText,
} from "./sources/source.ts";
export {
  type Surroundings,
  type WantedSource,
  type Format,
  formats,
  requireFormat,
  openSource,
  type OwnFormat,
  registerFormat,
} from "./sources/formats.ts";
export type { ImageOptions, SourceOptions } from "./sources/options.ts";

// For user-defined formats.
export { fitPicture, decodeImage } from "./sources/decode-image.ts";
export { BadDataError, badEntry, badEntryOf } from "./sources/bad-data.ts";
export { findSplit, type SplitFiles } from "./sources/find-files.ts";
export { stampOf } from "./sources/stamp.ts";

// Pictures of images
export { type PngGridOptions, pngGrid } from "./formats/png-grid.ts";

// Prepared data
export { type PrepareOptions, type Prepared, prepare } from "./prepare/prepare.ts";
export { hasManifest, readManifest, type Manifest, type Work } from "./prepare/manifest.ts";
export { verify } from "./prepare/verify.ts";
