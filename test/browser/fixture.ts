/** A browser, and the real command line beside it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";

/** Where Debian's package `chromium` puts it; `SCORESTREAM_CHROMIUM` names another. */
const EXECUTABLE = process.env["SCORESTREAM_CHROMIUM"] ?? "/usr/bin/chromium";

/** Starts Chromium, with more arguments. @throws Error where there is none. */
export function launchBrowser(...args: readonly string[]): Promise<Browser> {
  if (!existsSync(EXECUTABLE)) {
    throw new Error(`there is no browser at ${EXECUTABLE}: apt-get install chromium, or set SCORESTREAM_CHROMIUM`);
  }
  // Its sandbox needs rights that a container's root does not have.
  return chromium.launch({ executablePath: EXECUTABLE, args: ["--no-sandbox", ...args] });
}

export interface Watched {
  readonly page: Page;
  /** Errors on the page, and requests to elsewhere. */
  readonly troubles: string[];
}

/** Opens `url` in a browser of its own storage. */
export async function openPage(
  browser: Browser,
  url: string,
  { width = 1280, height = 900, dark = false } = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light" });
  const page = await context.newPage();
  const troubles: string[] = [];
  page.on("pageerror", ({ message }) => troubles.push(message));
  page.on("console", (message) => message.type() === "error" && troubles.push(message.text()));
  page.on("request", (request) => !request.url().startsWith(url) && troubles.push(`request to ${request.url()}`));
  await page.goto(url);
  return { page, troubles };
}

/** `npm run pipeline` with its page on a free port. */
export async function startRun(...argv: readonly string[]) {
  const workdir = mkdtempSync(join(tmpdir(), "scorestream-browser-"));
  const program = ["scripts/run.mjs", "src/cli/main.ts", ...argv, "--workdir", workdir, "--monitor", "127.0.0.1:0"];
  const child = spawn(process.execPath, program, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit").then(([code]) => code as number | null);
  let text = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on("data", (more) => {
      text += String(more);
      const found = /page: (http:\S+)/.exec(text);
      if (found) resolve(found[1]!);
    });
    void ended.then((code) => reject(new Error(`the run ended with ${code}:\n${text}`)));
  });
  return {
    url,
    ended,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill("SIGTERM");
      await ended;
      rmSync(workdir, { recursive: true, force: true });
    },
  };
}
