/** The official implementation, pyarrow.flight, as a client of our server and as a server for our client. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { expect, it, onTestFinished } from "vitest";
import { endpointText } from "../../../src/grpc/endpoint.ts";
import { flightRows, type FlightRows } from "../../../src/grpc/flight/rows.ts";
import { pythonWith } from "../../support/python.ts";
import { valuesOf } from "../../data/prepare/fixture.ts";
import { selfSigned } from "../fixture.ts";
import { flightClient, flightServer, prepared } from "./fixture.ts";

const python = pythonWith("pyarrow==21.0.0");

/** Runs a program beside this one, which serves it; what it prints last is JSON. */
async function client<T>(program: string, ...args: string[]): Promise<T> {
  const child = spawn(python.file, ["-c", program, ...args], { env: python.env });
  onTestFinished(() => void child.kill());
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += String(text)));
  child.stderr.on("data", (text) => (stderr += String(text)));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`python ended with ${String(code)}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

const READ = `
import json, sys, pyarrow as pa, pyarrow.flight as flight
client = flight.connect("grpc://" + sys.argv[1])
listed = [[part.decode() for part in info.descriptor.path] for info in client.list_flights()]
info = client.get_flight_info(flight.FlightDescriptor.for_path("made", "train"))
schema = client.get_schema(flight.FlightDescriptor.for_path("made", "train")).schema
tables = [client.do_get(endpoint.ticket).read_all() for endpoint in info.endpoints]
for table in tables: table.validate(full=True)
table = pa.concat_tables(tables)
command = flight.FlightDescriptor.for_command(json.dumps({"path": ["made", "train"], "first": 3, "count": 4}))
part = [client.do_get(endpoint.ticket).read_all() for endpoint in client.get_flight_info(command).endpoints]
def refused(call):
    try: call()
    except (pa.ArrowException, KeyError, flight.FlightError) as error: return type(error).__name__ + ": " + str(error)
    return "not refused"
print(json.dumps({
  "listed": listed, "records": info.total_records, "ordered": info.ordered,
  "same": info.schema == schema and schema == table.schema, "names": schema.names,
  "type": str(schema.field("image").type), "shape": list(schema.field("image").type.shape),
  "rows": [t.num_rows for t in tables],
  "labels": table["label"].to_pylist(),
  "images": [value for chunk in table["image"].chunks for image in chunk.storage.to_pylist() for value in image],
  "part": [label for t in part for label in t["label"].to_pylist()], "partRows": [t.num_rows for t in part],
  "actions": [action.type for action in client.list_actions()],
  "manifest": json.loads(b"".join(r.body.to_pybytes() for r in client.do_action(flight.Action("manifest", json.dumps({"path": ["made", "train"]}).encode()))))["count"],
  "refused": [
    refused(lambda: client.get_flight_info(flight.FlightDescriptor.for_path("other", "train"))),
    refused(lambda: client.do_get(flight.Ticket(b"guess")).read_all()),
    refused(lambda: client.do_get(flight.Ticket(json.dumps({"path": ["made", "train"], "first": 9, "count": 5}).encode())).read_all()),
    refused(lambda: list(client.do_action(flight.Action("other", b"")))),
    refused(lambda: client.do_put(flight.FlightDescriptor.for_path("made"), table.schema)[0].done_writing()
      or client.do_put(flight.FlightDescriptor.for_path("made"), table.schema)[1].read()),
    refused(lambda: client.do_exchange(flight.FlightDescriptor.for_path("made"))[1].read_chunk()),
  ],
}))
`;

interface Read {
  readonly rows: number[];
  readonly labels: number[];
  readonly images: number[];
  readonly refused: string[];
}

it("pyarrow lists, gets info and reads our server; what is wrong is refused with its name", async () => {
  const server = await flightServer([await prepared({ length: 10 })]);
  const read = await client<Read>(READ, endpointText(server.endpoint));
  const all = Array.from({ length: 10 }, (_, i) => i);
  expect(read).toMatchObject({ listed: [["made", "train"]], records: 10, ordered: true, same: true });
  expect(read).toMatchObject({ names: ["image", "label"], shape: [4, 5, 3], rows: [4, 4, 2] });
  expect(read.labels).toEqual(all.map((i) => i % 4));
  expect(read.images).toEqual(valuesOf(all));
  expect(read).toMatchObject({ part: [3, 0, 1, 2], partRows: [1, 3], actions: ["manifest"], manifest: 10 });
  expect(read.refused).toEqual([
    expect.stringMatching(/no data "other\/train"; there are made\/train/),
    expect.stringMatching(/ArrowInvalid: .*ticket "guess": it is no JSON/),
    expect.stringMatching(/ArrowInvalid: .*made\/train: rows 9 to 14 are out of range, it has 10/),
    expect.stringMatching(/ArrowInvalid: .*no action "other"; there is manifest/),
    expect.stringMatching(/DoPut is not implemented/),
    expect.stringMatching(/DoExchange is not implemented/),
  ]);
});

const READ_TLS = `
import json, sys, pyarrow.flight as flight
certificate = open(sys.argv[2], "rb").read()
client = flight.FlightClient("grpc+tls://" + sys.argv[1], tls_root_certs=certificate)
def read(token):
    options = flight.FlightCallOptions(headers=[(b"authorization", b"Bearer " + token)])
    try: return client.do_get(flight.Ticket(b'{"path": ["made", "train"]}'), options).read_all().num_rows
    except flight.FlightUnauthenticatedError as error: return str(error)
def lower(token):
    options = flight.FlightCallOptions(headers=[(b"authorization", b"bearer " + token)])
    return client.get_schema(flight.FlightDescriptor.for_path("made", "train"), options).schema.names
def basic(password):
    try: options = flight.FlightCallOptions(headers=[client.authenticate_basic_token("anybody", password)])
    except flight.FlightUnauthenticatedError as error: return str(error)
    return client.do_get(flight.Ticket(b'{"path": ["made", "train"]}'), options).read_all().num_rows
print(json.dumps([read(b"secret"), read(b"guess"), lower(b"secret"), basic("secret"), basic("guess")]))
`;

it("pyarrow reads with TLS and a token, and is refused without", async () => {
  const { cert, key, paths } = selfSigned();
  const server = await flightServer([await prepared({ length: 3 })], {
    security: { tls: { cert, key }, token: "secret" },
  });
  type Told = [number, string, string[], number, string];
  const told = await client<Told>(READ_TLS, endpointText(server.endpoint), paths.cert);
  const [rows, refused, names, basic, guessed] = told;
  // The scheme in any case, and the token as a password.
  expect([names, basic]).toEqual([["image", "label"], 3]);
  expect(guessed).toMatch(/the token is wrong/);
  expect(rows).toBe(3);
  expect(refused).toMatch(/the token is wrong/);
});

const SERVE = `
import pyarrow as pa, pyarrow.flight as flight
pixels, rows = 4 * 5 * 3, 7
images = pa.FixedSizeListArray.from_arrays(pa.array([(i * 31 + k * 7) % 256 for i in range(rows) for k in range(pixels)], pa.uint8()), pixels)
tensors = pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.uint8(), [4, 5, 3]), images)
labels = [i % 4 for i in range(rows)]
tables = {
    "plain": pa.table({"label": labels, "image": images}),
    "tensors": pa.table({"image": tensors, "label": pa.array(labels, pa.int16())}),
    "unlabelled": pa.table({"image": images}),
    "sliced": pa.table({"image": tensors, "label": labels}).slice(2, 4),
    "floats": pa.table({"image": pa.FixedSizeListArray.from_arrays(pa.array([0.5] * 60, pa.float32()), 60)}),
    "more": pa.table({"image": images, "name": ["x"] * rows}),
    "nulls": pa.table({"image": images, "label": [0, None] + [1] * (rows - 2)}),
    "wide": pa.table({"image": images, "label": [2 ** 40] * rows}),
    "fewer": pa.table({"image": images}),
    "compressed": pa.table({"image": images}),
}
class Server(flight.FlightServerBase):
    def info(self, name):
        table = tables["sliced" if name == "fewer" else name]
        where = ["grpc://elsewhere.example.org:1"] if name == "unlabelled" else [f"grpc://127.0.0.1:{self.port}"]
        return flight.FlightInfo(table.schema, flight.FlightDescriptor.for_path(name),
          [flight.FlightEndpoint(name, where)], table.num_rows, -1)
    def list_flights(self, context, criteria):
        for name in tables: yield self.info(name)
    def get_flight_info(self, context, descriptor):
        return self.info(descriptor.path[0].decode())
    def do_get(self, context, ticket):
        table = tables[ticket.ticket.decode()]
        options = pa.ipc.IpcWriteOptions(compression="zstd" if ticket.ticket == b"compressed" else None)
        return flight.RecordBatchStream(pa.Table.from_batches(table.to_batches(max_chunksize=3)), options)
server = Server("grpc://127.0.0.1:0")
print(server.port, flush=True)
server.serve()
`;

/** A server of tables of images, as another program may have them. */
async function pythonServer() {
  const child = spawn(python.file, ["-c", SERVE], { env: python.env, stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(Number(line)));
    child.once("close", (code) => reject(new Error(`the server ended with ${code}`)));
  });
  return { endpoint: { host: "127.0.0.1", port } };
}

it("our client reads a pyarrow server; columns that are no images are refused with their name", async () => {
  const flights = flightClient(await pythonServer());
  const names = (await flights.list()).map(({ flightDescriptor }) => flightDescriptor!.path[0]);
  expect(names).toContain("tensors");
  const read = async (name: string) => {
    const batches: FlightRows[] = [];
    for await (const rows of flightRows(flights, [name])) batches.push(rows);
    return {
      firsts: batches.map(({ first }) => first),
      shape: batches[0]!.shape,
      images: batches.flatMap(({ images }) => Array.from(images)),
      labels: batches.flatMap(({ labels }) => Array.from(labels ?? [])),
    };
  };
  const all = [0, 1, 2, 3, 4, 5, 6];
  const labels = all.map((i) => i % 4);
  expect(await read("plain")).toEqual({ firsts: [0, 3, 6], shape: undefined, images: valuesOf(all), labels });
  expect(await read("tensors")).toEqual({ firsts: [0, 3, 6], shape: [4, 5, 3], images: valuesOf(all), labels });
  const some = [2, 3, 4, 5];
  expect(await read("sliced")).toMatchObject({ images: valuesOf(some), labels: some.map((i) => i % 4) });
  await expect(read("floats")).rejects.toThrow('column "image" is no fixed-size list of uint8');
  await expect(read("more")).rejects.toThrow('column "name" is not expected');
  await expect(read("nulls")).rejects.toThrow('column "label" has 1 nulls');
  await expect(read("wide")).rejects.toThrow(/column "label" has 1099511627776 in row 0/);
  await expect(read("fewer")).rejects.toThrow("7 rows came, 4 were promised");
  await expect(read("compressed")).rejects.toThrow("message 2 of the stream: its header is no sound Arrow message: its buffers are compressed"); // prettier-ignore
  await expect(read("unlabelled")).rejects.toThrow("its data are at grpc://elsewhere.example.org:1, not here");
});
