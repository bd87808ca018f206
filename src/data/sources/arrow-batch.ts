/** Checks that the lengths in a record batch fit its buffers: the reader (apache-arrow 21.2.0) trusts them. */
import { DataType, type Data, type RecordBatch } from "apache-arrow";

/**
 * Counts the entries of its children that a column of `length` rows reaches. @throws RangeError when offsets go back.
 */
function reached({ type, length, valueOffsets }: Data): number {
  if (DataType.isFixedSizeList(type)) return length * type.listSize;
  if (!valueOffsets || length === 0) return length;
  const offsets = valueOffsets as ArrayLike<number | bigint>;
  if (offsets.length <= length) throw new RangeError(`${length} rows have ${offsets.length} offsets`);
  for (let i = 0; i < length; i++) if (offsets[i]! > offsets[i + 1]!) throw new RangeError("its offsets go back");
  return Number(offsets[length]);
}

/** Numbers and bytes that a column without children must hold. */
function wanted(data: Data): number {
  const { type, length } = data;
  if (DataType.isInt(type) || DataType.isFloat(type)) return length;
  if (DataType.isFixedSizeBinary(type)) return length * type.byteWidth;
  const byOffsets = [DataType.isBinary, DataType.isLargeBinary, DataType.isUtf8, DataType.isLargeUtf8];
  return byOffsets.some((is) => is(type)) ? reached(data) : 0;
}

function check(data: Data): void {
  const values = (data.values as ArrayLike<unknown> | undefined)?.length ?? 0;
  if (wanted(data) > values) throw new RangeError(`a column of it needs ${wanted(data)} values and has ${values}`);
  for (const child of data.children) {
    const rows = DataType.isUnion(data.type) ? 0 : reached(data);
    if (rows > child.length) throw new RangeError(`a list of it needs ${rows} values and has ${child.length}`);
    check(child);
  }
}

/** @throws RangeError when a column says that it has more than there is. */
export function requireSoundBatch(batch: RecordBatch): void {
  for (const column of batch.data.children) {
    if (column.length < batch.numRows) throw new RangeError(`${batch.numRows} rows, a column has ${column.length}`);
    check(column);
  }
}
