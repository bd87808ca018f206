import { pixelsOf } from "../../data/sources/source.ts";
import type { FlightSet } from "./catalog.ts";
import type { FlightDataWire } from "./definition.ts";
import type { BatchLayout } from "./image-stream.ts";
import { flightData } from "./wire.ts";

/**
 * Largest body of a message with more than one row. gRPC takes 4 MiB by default, and a writer that waits for a slow
 * reader has 16 messages in memory.
 */
const MESSAGE_BYTES = 512 * 1024;

/** Rows that go in a message. */
const rowsIn = (width: number): number => Math.max(1, Math.floor(MESSAGE_BYTES / (width + 4)));

/** One message, its rows read from the disk to their place in it. */
function batchMessage({ images }: FlightSet, layout: BatchLayout, width: number, first: number): FlightDataWire {
  const { rows, header, bodyLength, labels } = layout;
  const { wire, body } = flightData(header, bodyLength);
  images.read(first, rows, body.subarray(layout.images, layout.images + rows * width));
  // Cleared between the buffers: old memory must not be sent.
  body.fill(0, layout.images + rows * width, labels ?? bodyLength);
  if (labels !== undefined) {
    const values = images.labels(Array.from({ length: rows }, (_, i) => first + i));
    body.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), labels);
    body.fill(0, labels + 4 * rows);
  }
  return wire;
}

/** The messages of a DoGet: the schema, then rows [first, first + count) in batches, each read when it is asked for. */
export function* rowMessages(set: FlightSet, first: number, count: number): Generator<FlightDataWire, void> {
  const { images, stream } = set;
  const width = pixelsOf(images.shape);
  yield flightData(stream.schemaHeader, 0).wire;
  const most = rowsIn(width);
  for (let at = 0; at < count; at += most) {
    const layout = stream.layout(Math.min(most, count - at));
    yield batchMessage(set, layout, width, first + at);
  }
}
