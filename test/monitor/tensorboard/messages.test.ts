/** Event files read back by the field numbers of TensorFlow's own definitions. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import protobuf from "protobufjs";
import { describe, expect, it, onTestFinished } from "vitest";
import { pngGrid } from "../../../src/data/formats/png-grid.ts";
import { tfRecords } from "../../../src/data/sources/tfrecord.ts";
import { EventWriter } from "../../../src/monitor/tensorboard/event-writer.ts";
import { histogramOf } from "../../../src/metrics/histogram.ts";
import { pngImage } from "../../../src/monitor/tensorboard/png-image.ts";
import { collect, temporaryFolder } from "../fixture.ts";

/** @see tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto, tensorboard/plugins/hparams/plugin_data.proto */
const PROTO = `
  syntax = "proto3";
  message Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; SessionLog session_log = 7; }
  message SessionLog { int32 status = 1; }
  message Summary { repeated Value value = 1; }
  message Value { string tag = 1; float simple_value = 2; Image image = 4; Histo histo = 5; Tensor tensor = 8; Metadata metadata = 9; }
  message Image { int32 height = 1; int32 width = 2; int32 colorspace = 3; bytes encoded_image_string = 4; }
  message Histo { double min = 1; double max = 2; double num = 3; double sum = 4; double sum_squares = 5; repeated double bucket_limit = 6; repeated double bucket = 7; }
  message Tensor { int32 dtype = 1; Shape tensor_shape = 2; }
  message Shape { repeated Dim dim = 2; }
  message Dim { int64 size = 1; }
  message Metadata { Plugin plugin_data = 1; }
  message Plugin { string plugin_name = 1; bytes content = 2; }
  message HParams { int32 version = 1; Start session_start_info = 3; }
  message Start { map<string, Any> hparams = 1; double start_time_secs = 5; }
  message Any { double number_value = 2; string string_value = 3; bool bool_value = 4; }
`;
const { root } = protobuf.parse(PROTO);
const decoded = (name: string, bytes: Uint8Array) => {
  const type = root.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: Number }) as Record<string, unknown>;
};

function opened(folder: string, now: () => number = () => 1000.5): EventWriter {
  const writer = new EventWriter(folder, now);
  onTestFinished(() => writer.close());
  return writer;
}

const events = async ({ path }: EventWriter) =>
  (await collect(tfRecords(path))).map((record) => decoded("Event", (record as { bytes: Uint8Array }).bytes));

describe("EventWriter", () => {
  it("writes each event with its step, its time and its value", async () => {
    let time = 1000.5;
    const writer = opened(temporaryFolder(), () => time);
    time = 2000;
    writer.start(21);
    writer.scalar("train/loss", 22, 0.25);
    writer.scalar("train/loss", 23, -0.5, 7.5);
    const png = pngGrid(new Uint8Array(6), [2, 3, 1], { padding: 0 });
    writer.image("samples", 24, png);
    const counts = histogramOf([[1, 2]]);
    writer.histogram("gradient", 25, counts);
    const summary = (value: object) => ({ value: [value] });
    expect(await events(writer)).toEqual([
      { wallTime: 1000.5, fileVersion: "brain.Event:2" },
      { wallTime: 2000, step: 21, sessionLog: { status: 1 } },
      { wallTime: 2000, step: 22, summary: summary({ tag: "train/loss", simpleValue: 0.25 }) },
      { wallTime: 7.5, step: 23, summary: summary({ tag: "train/loss", simpleValue: -0.5 }) },
      {
        ...{ wallTime: 2000, step: 24 },
        summary: summary({
          tag: "samples",
          image: { height: 2, width: 3, colorspace: 1, encodedImageString: Buffer.from(png) },
        }),
      },
      { wallTime: 2000, step: 25, summary: summary({ tag: "gradient", histo: counts }) },
    ]);
  });

  it("writes hyperparameters with the kind of each, and the time of the run's start", async () => {
    const writer = opened(temporaryFolder());
    writer.hparams({ lr: 0.5, sde: "vp", fir: false });
    const [, event] = await events(writer);
    const { value } = event!["summary"] as { value: { metadata: { pluginData: { content: Uint8Array } } }[] };
    expect([event!["step"], event!["wallTime"]]).toEqual([0, 1000.5]);
    expect(value).toMatchObject([
      {
        tag: "_hparams_/session_start_info",
        metadata: { pluginData: { pluginName: "hparams" } },
        tensor: { dtype: 1, tensorShape: { dim: [{ size: 0 }] } },
      },
    ]);
    const content = decoded("HParams", value[0]!.metadata.pluginData.content);
    expect(content).toEqual({
      version: 0,
      sessionStartInfo: {
        hparams: { lr: { numberValue: 0.5 }, sde: { stringValue: "vp" }, fir: { boolValue: false } },
        startTimeSecs: 1000.5,
      },
    });
  });

  it("names its file by a second that no file before has", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "other"));
    writeFileSync(join(folder, "notes.txt"), "");
    const end = `${hostname()}.${process.pid}`;
    for (const now of [1000.9, 1000.1, 2000, 5]) opened(folder, () => now);
    expect(readdirSync(folder).filter((name) => name.startsWith("events"))).toEqual(
      ["0000001000", "0000001001", "0000002000", "0000002001"].map((second) => `events.out.tfevents.${second}.${end}`),
    );
  });
});

describe("pngImage", () => {
  const header = (type: number) => {
    const bytes = Buffer.alloc(29);
    bytes.write("\x89PNG\r\n\x1a\n", "latin1");
    bytes.writeUInt32BE(300, 16);
    bytes.writeUInt32BE(70_000, 20);
    bytes[25] = type;
    return bytes;
  };

  it.each([
    [0, 1],
    [2, 3],
    [3, 3],
    [4, 2],
    [6, 4],
  ])("of colour type %d has %d channels", (type, colorspace) => {
    const png = header(type);
    expect(pngImage(png)).toEqual({ width: 300, height: 70_000, colorspace, encodedImageString: png });
  });

  it.each([
    ["another colour type", header(1)],
    ["too few bytes", header(2).subarray(0, 28)],
    ["another beginning", Buffer.concat([Buffer.from("x"), header(2).subarray(1)])],
    ["nothing", Buffer.alloc(0)],
  ])("is none with %s", (_, bytes) => expect(() => pngImage(bytes)).toThrow("image: not a PNG"));
});

describe("histogramOf", () => {
  it("has the moments of all pieces, and each value below the end of its bucket and not below the one before", () => {
    const values = [-1e25, -3, -1e-12, -1e-13, 0, 1e-13, 1e-12, 1.1e-12, 1, 1.1, 1e19, 1e21];
    for (const value of values) {
      const { bucketLimit, bucket, num, min, max, sum, sumSquares } = histogramOf([[value]]);
      expect([num, min, max, sum, sumSquares]).toEqual([1, value, value, value, value * value]);
      const at = bucket.indexOf(1);
      expect(bucket.filter((count) => count > 0)).toHaveLength(1);
      expect(value).toBeLessThan(bucketLimit[at]!);
      if (at > 0) expect(value).toBeGreaterThanOrEqual(bucketLimit[at - 1]!);
    }
  });

  it("has the ends of TensorFlow's buckets", () => {
    const one = (value: number) => {
      const { bucketLimit, bucket } = histogramOf([[value]]);
      return bucketLimit.slice(bucket.indexOf(1) - 1, bucket.indexOf(1) + 1);
    };
    expect(one(0)).toEqual([0, 1e-12]);
    expect(one(-1e-13)).toEqual([-1e-12, 0]);
    expect(one(1e-12)).toEqual([1e-12, 1e-12 * 1.1]);
    expect(one(-1.05e-12)).toEqual([-(1e-12 * 1.1), -1e-12]);
    const [large, most] = one(Number.MAX_VALUE / 2);
    expect(large).toBeLessThan(1e20);
    expect(large! * 1.1).toBeGreaterThanOrEqual(1e20);
    expect(most).toBe(Number.MAX_VALUE);
  });
});
