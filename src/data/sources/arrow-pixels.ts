import { DataType, Vector, type Field } from "apache-arrow";
import { UsageError } from "../../base/errors.ts";
import { pictureShape } from "./nested.ts";
import { shapeOfFlat, shapeRemedy } from "./flat-shape.ts";
import type { SourceOptions } from "./options.ts";
import type { Shape } from "./source.ts";

/** Pixels in fixed-size lists: where those of row i lie is known. */
export interface PixelColumn {
  readonly shape: Shape;
  /** Lengths of the axes as they lie. */
  readonly dims: readonly number[];
  /** The places of height, width and channels among these. */
  readonly order: readonly number[];
}

interface Tensor {
  readonly dims: readonly number[];
  /** Permutation that makes [H, W, C] of them. */
  readonly permutation?: readonly number[] | undefined;
}

/** The shape that is said of a flat list: ours, or that of the extension type for tensors. */
function described({ metadata }: Field): Tensor | undefined {
  const own = metadata.get("shape");
  if (own !== undefined) return { dims: JSON.parse(own) as number[] };
  if (metadata.get("ARROW:extension:name") !== "arrow.fixed_shape_tensor") return undefined;
  const { shape, permutation } = JSON.parse(metadata.get("ARROW:extension:metadata") ?? "{}") as {
    shape: number[];
    permutation?: number[];
  };
  return { dims: shape, permutation };
}

/** Lengths of fixed-size lists of fixed-size lists of uint8; undefined for any other type. */
function listSizes(field: Field): number[] | undefined {
  const type = field.type as DataType;
  if (DataType.isInt(type)) return type.bitWidth === 8 && !type.isSigned ? [] : undefined;
  if (!DataType.isFixedSizeList(type)) return undefined;
  const inner = listSizes(type.children[0] as Field);
  return inner && [type.listSize, ...inner];
}

/** The axes of [H, W, C] among those of a tensor. A permutation says how the axes that are meant follow from it. */
function orderOf(
  { dims, permutation = [0, 1, 2] }: Tensor,
  layout: "hwc" | "chw" | undefined,
): readonly number[] | undefined {
  const meant = permutation.map((axis) => dims[axis]!);
  const isImage = (channels: number | undefined) => channels === 1 || channels === 3;
  // [C, H, W] that are a permutation of the values are meant to be planes.
  const planes =
    layout === undefined ? permutation[0] === 2 && !isImage(meant[2]) && isImage(meant[0]) : layout === "chw";
  return (planes ? [1, 2, 0] : [0, 1, 2]).map((axis) => permutation[axis]!);
}

/**
 * Finds the layout of a column's pixels; undefined where it holds no fixed-size lists.
 *
 * @throws UsageError when its lists are no images.
 */
export function pixelColumn(
  path: string,
  field: Field,
  { layout, shape: asked }: Pick<SourceOptions, "layout" | "shape">,
): PixelColumn | undefined {
  const type = field.type as DataType;
  if (!DataType.isFixedSizeList(type) && !DataType.isFixedSizeBinary(type)) return undefined;
  const sizes = DataType.isFixedSizeBinary(type) ? [type.byteWidth] : listSizes(field);
  const flat = sizes?.length === 1 ? sizes[0]! : undefined;
  const given = flat === undefined ? undefined : shapeOfFlat(flat, asked);
  const said = flat === undefined ? undefined : (described(field) ?? (given && { dims: given }));
  const tensor = said ?? { dims: sizes?.length === 1 ? [] : (sizes ?? []) };
  const { dims } = tensor;
  const order = dims.length === 3 ? orderOf(tensor, layout) : undefined;
  const shape = pictureShape(order?.map((axis) => dims[axis]!) ?? dims, false);
  const total = sizes?.reduce((a, b) => a * b, 1);
  if (shape && dims.reduce((a, b) => a * b, 1) === total) {
    return { shape, dims: dims.length === 3 ? dims : [...dims, 1], order: order ?? [0, 1, 2] };
  }
  const turned = dims.length === 3 && pictureShape(dims, true) && layout === undefined;
  throw new UsageError(
    `${path}: column "${field.name}" is ${String(field.type)}, shape [${dims.join(", ")}]`,
    turned
      ? "use --layout chw for [C, H, W]"
      : flat !== undefined && said === undefined
        ? shapeRemedy(flat)
        : 'it must be FixedSizeList<UInt8> or FixedSizeBinary with the metadata "shape" [H, W, C], an arrow.fixed_shape_tensor of uint8, ' +
          "or encoded images as {bytes, path}",
  );
}

/** All values of such a column, one behind the other. */
export function pixelValues(column: Vector): Uint8Array {
  let data = column.data[0]!;
  while (data.children.length > 0) data = data.children[0]!;
  return data.values as Uint8Array;
}

/** A cell as plain values: lists as arrays, structs as objects. */
export function plain(value: unknown): unknown {
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
  if (value instanceof Vector) return Array.from(value as Iterable<unknown>, plain);
  return (value as { toJSON(): unknown }).toJSON();
}
