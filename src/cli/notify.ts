/** Options that name who is told of a run's end, for runs and for the monitor. */
import type { Command } from "commander";
import { UsageError } from "../base/errors.ts";
import { parseCrossing } from "../monitor/notify/crossing.ts";
import type { NotifyTarget } from "../monitor/notify/notify.ts";
import { webAddress } from "./web-address.ts";

/** Options as commander gives them. */
export interface GivenNotify {
  readonly notify?: readonly string[];
  readonly notifyWhen?: readonly string[];
}

const collect = (text: string, before: readonly string[] = []) => [...before, text];

export function addNotifyOptions(command: Command): void {
  command
    .option(
      "--notify <url>",
      "posts JSON to this URL when a run finishes, stops, fails or is lost; repeatable",
      collect,
    )
    .option(
      "--notify-when <line>",
      'also posts when a metric crosses a line, for example "eval/bound>4"; repeatable',
      collect,
    );
}

/** @throws UsageError for what is no URL or line, and for lines without a URL. */
export function parseNotify(
  { notify = [], notifyWhen = [] }: GivenNotify,
  insecure: boolean | undefined,
): NotifyTarget | undefined {
  const urls = notify.map((text) => webAddress("--notify", text, insecure, "--notify https://hooks.example.org/abc"));
  const lines = notifyWhen.map((text) => {
    const line = parseCrossing(text);
    if (line) return line;
    throw new UsageError(
      `--notify-when ${text}: expected a metric, "<" or ">", and a number`,
      'for example --notify-when "eval/bound>4"',
    );
  });
  if (lines.length > 0 && urls.length === 0) {
    throw new UsageError("--notify-when: there is no URL to post to", "give --notify URL too");
  }
  return urls.length === 0 ? undefined : { urls, lines };
}
