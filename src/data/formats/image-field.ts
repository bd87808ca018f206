import { Field, FixedSizeList, Uint8 } from "apache-arrow";

const item = new Field("item", new Uint8(), false);

/**
 * The column `image` of images of one shape, FixedSizeList<UInt8>[H*W*C]; readers that know the extension type take it
 * for tensors of that shape.
 *
 * @param shape [H, W, C].
 * @see https://arrow.apache.org/docs/format/CanonicalExtensions.html#fixed-shape-tensor
 */
export function imageField(shape: readonly [number, number, number]): Field<FixedSizeList<Uint8>> {
  const metadata = new Map([
    ["shape", JSON.stringify(shape)],
    ["ARROW:extension:name", "arrow.fixed_shape_tensor"],
    ["ARROW:extension:metadata", JSON.stringify({ shape })],
  ]);
  return new Field("image", new FixedSizeList(shape[0] * shape[1] * shape[2], item), false, metadata);
}
