/** The options of `npm run data -- serve` and `npm run data -- pull`. */
import { Command } from "commander";
import { UsageError } from "../base/errors.ts";
import { addSecurityOptions } from "./security-options.ts";
import type { SecurityOptions } from "../grpc/secrets.ts";

export interface ServeRequest {
  readonly command: "serve";
  readonly directories: readonly string[];
  readonly listen: string;
  readonly security: SecurityOptions;
}

export interface PullRequest {
  readonly command: "pull";
  readonly from: string;
  readonly out: string;
  /** Absent: the only data set there is. */
  readonly name: string | undefined;
  /** Absent: all. */
  readonly splits: readonly string[] | undefined;
  readonly security: SecurityOptions;
  readonly json: boolean;
}

interface Given extends SecurityOptions {
  readonly listen: string;
  readonly from?: string;
  readonly out?: string;
  readonly name?: string;
  readonly split?: string[];
  readonly json?: boolean;
}

const collect = (text: string, before: string[] = []) => [...before, text];

/** The subcommands. */
export function flightCommands(): Command[] {
  const serve = new Command("serve")
    .argument("<folders...>")
    .description("serves prepared data to other machines by Arrow Flight")
    .option("--listen <host:port>", "address to listen at", "127.0.0.1:50053");
  const pull = new Command("pull")
    .description(
      "copies prepared data from a server (npm run data -- serve); run it again after an interruption, and it resumes",
    )
    .option("--from <host:port>", "address of the server")
    .option("--out <folder>", "folder for the shards, with a subfolder for each split")
    .option("--name <name>", "name of the data set, if the server has several")
    .option("--split <name>", "train, test and so on; repeatable; default: all", collect);
  for (const command of [serve, pull]) addSecurityOptions(command);
  return [serve, pull.option("--json", "prints the result as one JSON object on the last line of standard output")];
}

function required(value: string | undefined, flag: string, example: string): string {
  if (value) return value;
  throw new UsageError(`pull needs ${flag}`, `for example ${flag} ${example}; npm run data -- --help shows all`);
}

/** Parses the request; undefined when `command` is none of {@link flightCommands}. @throws UsageError */
export function flightRequest(command: Command): ServeRequest | PullRequest | undefined {
  const { listen, from, out, name, split, json = false, ...security } = command.opts<Given>();
  if (command.name() === "serve") return { command: "serve", directories: command.args, listen, security };
  if (command.name() !== "pull") return undefined;
  return {
    command: "pull",
    from: required(from, "--from", "192.168.0.7:50053"),
    out: required(out, "--out", "data/photos"),
    name,
    splits: split,
    security,
    json,
  };
}
