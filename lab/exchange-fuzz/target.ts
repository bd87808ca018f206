/** The target of an attack, and the attack itself. */
import { VERSION } from "../../src/grpc/exchange/definition.ts";
import type { Hello } from "../../src/exchange/messages.ts";
import type { Random } from "./random.ts";

export interface Target {
  readonly host: string;
  readonly port: number;
  /** Message of a node that may join. */
  readonly hello: { readonly config: string; readonly parameters: number };
  /** Facts about the run, as a node that had joined it saw them. */
  readonly seen: { runId: string; view: number; step: number };
  readonly run: { readonly shards: number; readonly shardSize: number; readonly parameters: number; readonly bfloat16: boolean }; // prettier-ignore
}

/** Makes the message of a node that may join. */
export const helloTo = ({ hello }: Target): Hello => ({
  ...{ version: VERSION, address: "127.0.0.1:1", rank: 0, runId: "", collectivesPort: 0, node: "", incarnation: "" },
  ...hello,
});

export interface Attack {
  readonly name: string;
  /** @returns How it ended, in a word. Never throws. */
  run(target: Target, random: Random): Promise<string>;
}
