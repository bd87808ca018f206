/** Keeps sums in the order they are written, so that a graph gives the same bits every time. */
import { ATTR, type OpAttribute } from "./graph-def.ts";

/** Ops that are a sum, or become one in TensorFlow's optimizer. */
const SUMS = new Set(["Add", "AddV2", "Sub"]);

/** The mark that the optimizer sets on sums it has merged; it does not merge a marked sum again. */
const MERGED: OpAttribute = { name: "_grappler_ArithmeticOptimizer_AddOpsRewriteStage", type: ATTR.BOOL, value: true };

/**
 * The attributes of an op, so that TensorFlow's optimizer does not merge it with others into one AddN: that adds in an
 * order that depends on which input's memory happens to be free, and two runs would differ in the last bit.
 */
export const inWrittenOrder = (op: string, attributes: readonly OpAttribute[]): readonly OpAttribute[] =>
  SUMS.has(op) ? [...attributes, MERGED] : attributes;
