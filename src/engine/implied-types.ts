/** Ops whose type attributes eager execution infers and a graph does not: attribute -> index of the input. */
export const IMPLIED_TYPES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  ExpandDims: { T: 0, Tdim: 1 },
  Reshape: { T: 0, Tshape: 1 },
  Slice: { T: 0, Index: 1 },
  Tile: { T: 0, Tmultiples: 1 },
  Transpose: { T: 0, Tperm: 1 },
  Pad: { T: 0, Tpaddings: 1 },
  PadV2: { T: 0, Tpaddings: 1 },
  BroadcastTo: { T: 0, Tidx: 1 },
  SplitV: { T: 0, Tlen: 1 },
  Sum: { T: 0, Tidx: 1 },
  Mean: { T: 0, Tidx: 1 },
  Max: { T: 0, Tidx: 1 },
  Softmax: { T: 0 },
  StatelessRandomUniform: { T: 0, Tseed: 1 },
  StatelessRandomNormal: { T: 0, Tseed: 1 },
};
