/** Work of a network's forward pass, for what a study would cost. */
import type { Config } from "../config.ts";

/** Work of one forward pass over one image, and the weights behind it. */
export interface NetworkWork {
  /** Multiplications with an addition, of convolutions and attention. */
  readonly multiplyAdds: number;
  /** Weights of the convolutions. */
  readonly weights: number;
}

/** Colours of an image. */
const CHANNELS = 3;

/**
 * Counts the convolutions and the attention of DDPM++ (BigGAN blocks without pyramids); what is pointwise is small beside them.
 *
 * @param size Height of the images.
 * @see ncsnpp.ts, whose order it follows
 */
export function networkWork({ nf, chMult, numResBlocks, attnResolutions }: Config["model"], size: number): NetworkWork {
  let [multiplyAdds, weights] = [0, 0];
  const conv = (from: number, to: number, kernel: number, height: number) => {
    weights += kernel ** 2 * from * to;
    multiplyAdds += kernel ** 2 * from * to * height ** 2;
  };
  // Resampling comes before the first convolution.
  const block = (from: number, to: number, height: number, resampled = false) => {
    conv(from, to, 3, height);
    conv(to, to, 3, height);
    if (from !== to || resampled) conv(from, to, 1, height);
  };
  // Four products with matrices of the width, and two of all pixels by all pixels.
  const attend = (width: number, height: number) => {
    multiplyAdds += 4 * width ** 2 * height ** 2 + 2 * width * height ** 4;
  };
  let [width, height] = [nf, size];
  const skips = [nf];
  conv(CHANNELS, nf, 3, height);
  for (const [level, multiple] of chMult.entries()) {
    for (let i = 0; i < numResBlocks; i++) {
      block(width, nf * multiple, height);
      width = nf * multiple;
      if (attnResolutions.includes(height)) attend(width, height);
      skips.push(width);
    }
    if (level === chMult.length - 1) break;
    height /= 2;
    block(width, width, height, true);
    skips.push(width);
  }
  block(width, width, height);
  attend(width, height);
  block(width, width, height);
  for (const [level, multiple] of [...chMult.entries()].reverse()) {
    for (let i = 0; i <= numResBlocks; i++) {
      block(width + skips.pop()!, nf * multiple, height);
      width = nf * multiple;
    }
    if (attnResolutions.includes(height)) attend(width, height);
    if (level === 0) break;
    height *= 2;
    block(width, width, height, true);
  }
  conv(width, CHANNELS, 3, height);
  return { multiplyAdds, weights };
}
