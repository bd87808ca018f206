/** Encodes the messages of event files, as `event.proto` and `hparams.proto` beside this file define them. */
import { readFileSync } from "node:fs";
import protobuf from "protobufjs";
import type { HistogramMessage } from "../../metrics/histogram.ts";

/** An Event, its fields as protobufjs names them. */
export interface EventMessage {
  readonly wallTime: number;
  readonly step?: number;
  readonly fileVersion?: string;
  readonly summary?: { readonly value: readonly SummaryValue[] };
  readonly sessionLog?: { readonly status: "START" };
}

export interface ImageMessage {
  readonly height: number;
  readonly width: number;
  readonly colorspace: number;
  readonly encodedImageString: Uint8Array;
}

export interface SummaryValue {
  readonly tag: string;
  readonly metadata?: { readonly pluginData: { readonly pluginName: string; readonly content: Uint8Array } };
  readonly simpleValue?: number;
  readonly image?: ImageMessage;
  readonly histo?: HistogramMessage;
  readonly tensor?: { readonly dtype: number; readonly tensorShape: { readonly dim: readonly { size: number }[] } };
}

export type SessionStatus = "STATUS_SUCCESS" | "STATUS_FAILURE";

/** The start of a session, or its end. */
export interface HParamsMessage {
  readonly version: number;
  readonly sessionEndInfo?: { readonly status: SessionStatus; readonly endTimeSecs: number };
  readonly sessionStartInfo?: {
    readonly hparams: Readonly<
      Record<string, { numberValue: number } | { stringValue: string } | { boolValue: boolean }>
    >;
    readonly startTimeSecs: number;
  };
}

/** The encoder of a message that a .proto file of this folder defines. */
function encoderOf<T extends object>(file: string, name: string): (message: T) => Uint8Array {
  const text = readFileSync(new URL(file, import.meta.url), "utf8");
  const type = protobuf.parse(text).root.lookupType(`scorestream.tensorboard.${name}`);
  return (message) => type.encode(type.fromObject(message)).finish();
}

export const encodeEvent = encoderOf<EventMessage>("./event.proto", "Event");
export const encodeHParams = encoderOf<HParamsMessage>("./hparams.proto", "HParamsPluginData");
