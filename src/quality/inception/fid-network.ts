/**
 * The Inception-v3 of the FID, in the form of pytorch-fid's weights.
 *
 * It is the network of December 2015, so it differs from torchvision's in its pooling branches: means do not count the
 * padding, and the last block takes the maximum. Channel counts follow from the weights.
 *
 * @see Szegedy et al., Rethinking the Inception Architecture for Computer Vision (2015); torchvision's
 * models/inception.py and pytorch-fid's inception.py for the names
 */
import { averagePool, branches, chain, convBatchNorm, maxPool, named, reduce, type Build } from "./layer.ts";

/** No padding. */
const VALID = { pad: "valid" } as const;
const HALVE = { stride: 2, pad: "valid" } as const;
const ROW = [1, 7] as const;
const COLUMN = [7, 1] as const;

const blockA = branches(
  convBatchNorm("branch1x1", 1),
  chain(convBatchNorm("branch5x5_1", 1), convBatchNorm("branch5x5_2", 5)),
  chain(convBatchNorm("branch3x3dbl_1", 1), convBatchNorm("branch3x3dbl_2", 3), convBatchNorm("branch3x3dbl_3", 3)),
  chain(averagePool, convBatchNorm("branch_pool", 1)),
);

const blockB = branches(
  convBatchNorm("branch3x3", 3, HALVE),
  chain(
    convBatchNorm("branch3x3dbl_1", 1),
    convBatchNorm("branch3x3dbl_2", 3),
    convBatchNorm("branch3x3dbl_3", 3, HALVE),
  ),
  reduce,
);

const blockC = branches(
  convBatchNorm("branch1x1", 1),
  chain(convBatchNorm("branch7x7_1", 1), convBatchNorm("branch7x7_2", ROW), convBatchNorm("branch7x7_3", COLUMN)),
  chain(
    convBatchNorm("branch7x7dbl_1", 1),
    convBatchNorm("branch7x7dbl_2", COLUMN),
    convBatchNorm("branch7x7dbl_3", ROW),
    convBatchNorm("branch7x7dbl_4", COLUMN),
    convBatchNorm("branch7x7dbl_5", ROW),
  ),
  chain(averagePool, convBatchNorm("branch_pool", 1)),
);

const blockD = branches(
  chain(convBatchNorm("branch3x3_1", 1), convBatchNorm("branch3x3_2", 3, HALVE)),
  chain(
    convBatchNorm("branch7x7x3_1", 1),
    convBatchNorm("branch7x7x3_2", ROW),
    convBatchNorm("branch7x7x3_3", COLUMN),
    convBatchNorm("branch7x7x3_4", 3, HALVE),
  ),
  reduce,
);

/** A 3x3 convolution cut into a row and a column, side by side. */
const cross = (name: string) => branches(convBatchNorm(`${name}a`, [1, 3]), convBatchNorm(`${name}b`, [3, 1]));

const blockE = (pool: Build) =>
  branches(
    convBatchNorm("branch1x1", 1),
    chain(convBatchNorm("branch3x3_1", 1), cross("branch3x3_2")),
    chain(convBatchNorm("branch3x3dbl_1", 1), convBatchNorm("branch3x3dbl_2", 3), cross("branch3x3dbl_3")),
    chain(pool, convBatchNorm("branch_pool", 1)),
  );

/** Maps images [B, 299, 299, 3] in [-1, 1] to features [B, 8, 8, D]; D is 2048 in the published weights. */
export const fidNetwork: Build = chain(
  convBatchNorm("Conv2d_1a_3x3", 3, HALVE),
  convBatchNorm("Conv2d_2a_3x3", 3, VALID),
  convBatchNorm("Conv2d_2b_3x3", 3),
  reduce,
  convBatchNorm("Conv2d_3b_1x1", 1),
  convBatchNorm("Conv2d_4a_3x3", 3, VALID),
  reduce,
  named("Mixed_5b", blockA),
  named("Mixed_5c", blockA),
  named("Mixed_5d", blockA),
  named("Mixed_6a", blockB),
  named("Mixed_6b", blockC),
  named("Mixed_6c", blockC),
  named("Mixed_6d", blockC),
  named("Mixed_6e", blockC),
  named("Mixed_7a", blockD),
  named("Mixed_7b", blockE(averagePool)),
  named("Mixed_7c", blockE(maxPool)),
);
