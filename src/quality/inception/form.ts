import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs";

/** Height and width of the images the network was trained with. */
export const INPUT_SIZE = 299;

/** An Inception network in one of the forms it is published in. */
export interface InceptionForm {
  /** Features of `pool_3`, D. */
  readonly dims: number;
  readonly classes: number;
  /**
   * Runs the network on images; the caller owns the result.
   *
   * @param images float32 [B, H, W, 3] in [0, 255], of any height and width.
   * @returns `pool_3` [B, D], and the logits [B, classes] without the bias of the last layer.
   */
  run(images: Tensor4D): readonly [pool3: Tensor2D, logits: Tensor2D];
  dispose(): void;
}
