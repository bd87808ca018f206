import { status } from "@grpc/grpc-js";
import type { Shape } from "../../data/sources/source.ts";
import { endpointText, parseEndpoint } from "../endpoint.ts";
import { readArrowMessage, unwrapMessage } from "../../data/formats/arrow-message.ts";
import { FlightError, type FlightClient } from "./client.ts";
import type { FlightEndpoint, FlightInfo, Ticket } from "./definition.ts";
import { imageColumns, imageRows, type ImageColumns, type ImageRows } from "./image-columns.ts";
import { rangeBytes, type RowRange } from "./row-range.ts";

/** Rows of a stream, in its order. */
export interface FlightRows extends ImageRows {
  /** Index of the first of these rows among the requested rows, from 0. */
  readonly first: number;
  /** [H, W, C]; undefined if the server does not state it. */
  readonly shape: Shape | undefined;
}

/** Calls `read`; what does not hold together becomes an error that names the server and the place. */
function checked<T>(client: FlightClient, where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new FlightError(client.server, status.DATA_LOSS, `${where}: ${error.message}`, { cause: error });
  }
}

/** @throws RangeError when it is no schema of images. */
function columnsOf(header: Uint8Array): ImageColumns {
  const message = readArrowMessage(header);
  if (message.kind === "schema") return imageColumns(message);
  throw new RangeError("it is a record batch, a schema should come first");
}

/**
 * Yields the images of one ticket, batch by batch, and checks every description and length in them.
 *
 * @param signal Ends the call, with a FlightError of the code CANCELLED.
 * @throws FlightError when the call fails; with the code DATA_LOSS when a message is malformed or of other columns.
 */
export async function* ticketRows(
  client: FlightClient,
  ticket: Ticket,
  signal?: AbortSignal,
): AsyncGenerator<FlightRows, void> {
  let columns: ImageColumns | undefined;
  let [first, index] = [0, 0];
  for await (const { dataHeader, dataBody } of client.get(ticket, signal)) {
    const where = `message ${++index} of the stream`;
    // Such a message holds only metadata of the application.
    if (dataHeader.length === 0 && dataBody.length === 0) continue;
    if (!columns) {
      columns = checked(client, where, () => columnsOf(dataHeader));
      continue;
    }
    const known = columns;
    const rows = checked(client, where, () => {
      const message = readArrowMessage(dataHeader);
      if (message.kind === "schema") throw new RangeError("a second schema");
      return imageRows(known, message, dataBody);
    });
    yield { ...rows, first, shape: known.shape };
    first += rows.count;
  }
  if (!columns) throw new FlightError(client.server, status.DATA_LOSS, "the stream ended without a schema");
}

/** Stands for the server that gave the ticket. */
const REUSE = "arrow-flight-reuse-connection://?";

/** @throws RangeError when the ticket is to be taken elsewhere: a token is sent only to the server that it is for. */
function ticketOf({ ticket, location }: FlightEndpoint, server: string): Ticket {
  const here = location.some(({ uri }) => {
    if (uri === "" || uri === REUSE) return true;
    const [, address] = /^grpc(?:\+tcp|\+tls)?:\/\/([^/]+)\/?$/.exec(uri) ?? [];
    return address !== undefined && endpointText(parseEndpoint("location", address, false)) === server;
  });
  if (location.length > 0 && !here) throw new RangeError(`its data are at ${location[0]!.uri.slice(0, 200)}, not here`);
  if (!ticket) throw new RangeError("an endpoint has no ticket");
  return ticket;
}

/** The rows to read: a path on any server, or rows of a split on a ScoreStream server. */
export type WantedRows = readonly string[] | RowRange;

const isRange = (wanted: WantedRows): wanted is RowRange => "path" in wanted;

/**
 * Yields images from a Flight server, in order, one endpoint after another.
 *
 * ```ts
 * for await (const { images, labels } of flightRows(client, { path: ["cifar10", "train"], first: 1000, count: 500 })) { ... }
 * ```
 *
 * @param signal Ends the call, with a FlightError of the code CANCELLED.
 * @throws FlightError when a call fails; with the code DATA_LOSS when a message is malformed, its columns differ from
 *   those that the server stated, or rows are missing.
 */
export async function* flightRows(
  client: FlightClient,
  wanted: WantedRows,
  signal?: AbortSignal,
): AsyncGenerator<FlightRows, void> {
  const info: FlightInfo = await (isRange(wanted) ? client.infoOf(rangeBytes(wanted)) : client.info(wanted));
  const { width } = checked(client, "the schema of the flight", () => columnsOf(unwrapMessage(info.schema)));
  const tickets = info.endpoint.map((endpoint) =>
    checked(client, "an endpoint", () => ticketOf(endpoint, client.server)),
  );
  let first = 0;
  for (const ticket of tickets) {
    for await (const rows of ticketRows(client, ticket, signal)) {
      if (rows.images.length !== rows.count * width) {
        const found = `images of ${rows.images.length / rows.count} values, its flight ${width}`;
        throw new FlightError(client.server, status.DATA_LOSS, `the stream has ${found}`);
      }
      yield { ...rows, first };
      first += rows.count;
    }
  }
  if (info.totalRecords >= 0 && first !== info.totalRecords) {
    throw new FlightError(client.server, status.DATA_LOSS, `${first} rows came, ${info.totalRecords} were promised`);
  }
}
