/** The content of `samples/nearest_STEP.json` in a workdir: how near the samples of a snapshot are to the training. */
export interface NearestImages {
  readonly step: number;
  /** Images of the training that were searched, and how many there are. */
  readonly searched: number;
  readonly of: number;
  /** True where mirrored images were searched too. */
  readonly mirrored: boolean;
  /** Shape of an image, [H, W, C]. */
  readonly shape: readonly number[];
  /** For each sample, in the grid's order, the index of the nearest image and the root of the mean squared difference. */
  readonly samples: readonly { readonly image: number; readonly distance: number }[];
  /** The same distances of test images. */
  readonly test: readonly number[];
}
