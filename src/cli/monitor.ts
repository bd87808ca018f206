/** `npm run monitor`: stores the metrics that runs push, and serves them to watchers and as a web page. */
import { resolve } from "node:path";
import { Command, CommanderError } from "commander";
import { UsageError } from "../base/errors.ts";
import { endpointText, parseEndpoint } from "../grpc/endpoint.ts";
import { serverSecurity } from "../grpc/security.ts";
import { serve, type Serving } from "../monitor/grpc/serve.ts";
import { Archive } from "../monitor/archive.ts";
import { JoinedFeed } from "../monitor/joined-feed.ts";
import { Workdirs } from "../monitor/workdirs.ts";
import { prometheusHandler } from "../monitor/web/prometheus-handler.ts";
import { serveWeb, type WebOptions, type WebServing } from "../monitor/web/web-server.ts";
import { retain } from "../monitor/retention.ts";
import { notify } from "../monitor/notify/notify.ts";
import { addNotifyOptions, parseNotify, type GivenNotify } from "./notify.ts";
import { addRetentionOptions, parseRetention, type GivenRetention } from "./retention-options.ts";
import { describeFailure } from "./failure.ts";
import { runProgram } from "./program.ts";
import { addHostOption, addSecurityOptions } from "./security-options.ts";
import { readSecrets } from "../grpc/secrets.ts";
import type { SecurityOptions } from "../grpc/secrets.ts";
import { listenForSignals, type SignalSource } from "./signals.ts";
import { failWithoutLock } from "../run/lock.ts";
import { openWorkdir } from "../run/workdir.ts";
import { asInstalled } from "../base/commands.ts";

/** Streams, variables and signals of {@link monitorMain}. */
export interface MonitorEnvironment {
  readonly stdout: Pick<NodeJS.WriteStream, "write">;
  readonly stderr: Pick<NodeJS.WriteStream, "write">;
  readonly env: NodeJS.ProcessEnv;
  readonly signals: SignalSource;
  /** Ends the process immediately. */
  readonly exit: (code: number) => void;
}

interface Given extends SecurityOptions, GivenNotify, GivenRetention {
  readonly listen: string;
  readonly web: string;
  readonly dir: string;
  readonly runs: string;
  readonly help?: boolean;
}

const WHEN_FULL = "free some space and run the same command again, or use a --dir on another disk";

/** ms that watchers have to take what is on its way when the monitor ends. */
const GRACE = 2000;

export function monitorProgram(): Command {
  const command = new Command(asInstalled("npm run monitor"))
    .usage("[-- options]")
    .option("--listen <host:port>", "address for runs (--metrics-push) and watchers", "127.0.0.1:50051")
    .option("--web <host:port>", "address of the page of all runs", "127.0.0.1:8080")
    .option("--dir <folder>", "folder for the metrics, one file of JSON lines per run", "runs/monitor")
    .option(
      "--runs <folder>",
      "also shows all runs in folders below this one, live or finished; only reads them",
      "runs",
    );
  addRetentionOptions(command);
  addNotifyOptions(command);
  addSecurityOptions(command);
  addHostOption(command);
  return command
    .option("-h, --help", "prints this text")
    .helpOption(false)
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} });
}

/** @throws UsageError for anything that is not understood. */
function parse(command: Command, argv: readonly string[]): Given {
  try {
    return command.parse(argv, { from: "user" }).opts<Given>();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new UsageError(error.message.replace(/^error: /, ""), "npm run monitor -- --help shows the options", {
      cause: error,
    });
  }
}

/** Starts the page, or closes the other server, which would keep the process from its end. */
async function openWeb(options: WebOptions, other: Serving): Promise<WebServing> {
  try {
    return await serveWeb(options);
  } catch (error) {
    await other.close(0);
    throw error;
  }
}

/**
 * Runs the monitor until a signal arrives.
 *
 * @returns The exit code, as for a run: 130 or 143 after a signal, 2 for bad usage, 1 for a failure.
 */
export async function monitorMain(argv: readonly string[], environment: MonitorEnvironment): Promise<number> {
  const { stdout, stderr, env, signals } = environment;
  const tell = (text: string) => void stderr.write(`${text}\n`);
  const command = monitorProgram();
  try {
    const given = parse(command, argv);
    if (given.help) {
      stdout.write(command.helpInformation());
      return 0;
    }
    const endpoint = parseEndpoint("--listen", given.listen, true);
    const webEndpoint = parseEndpoint("--web", given.web, true);
    const secrets = readSecrets(given, env);
    const told = parseNotify(given, secrets.insecure);
    const retention = parseRetention(given);
    const security = serverSecurity("--listen", endpoint, secrets);
    const webSecurity = serverSecurity("--web", webEndpoint, secrets);
    const unlock = openWorkdir(given.dir, (text) => tell(`note: ${text}`), failWithoutLock, { folder: "folder", option: "--dir" }); // prettier-ignore
    try {
      const archive = new Archive(given.dir, tell);
      const workdirs = new Workdirs(given.runs, tell);
      const feed = new JoinedFeed(archive, workdirs);
      const server = await serve({ option: "--listen", endpoint, security, feed, store: archive, tell });
      const endNotices = told ? notify(told, feed, tell) : async () => {};
      const source = { feed, workdir: (runId: string) => workdirs.workdir(runId), kept: archive };
      const page = { option: "--web", endpoint: webEndpoint, security: webSecurity, source, tell };
      const web = await openWeb({ ...page, metrics: prometheusHandler(feed) }, server);
      const endRetention = retention ? retain(archive, retention, tell) : () => {};
      stdout.write(`listening on ${endpointText(server.endpoint)}, ${archive.logs().length} runs in ${resolve(given.dir)}\n`); // prettier-ignore
      stdout.write(`page: ${web.url}${webSecurity.token ? " (asks for the token)" : ""}\n`);
      const exitCode = await new Promise<number>((end) => {
        const listening = listenForSignals({
          source: signals,
          onStop: () => end(listening.stopped!.exitCode),
          onQuit: environment.exit,
        });
      });
      endRetention();
      archive.close();
      workdirs.close();
      await Promise.all([server.close(GRACE), web.close(GRACE), endNotices(GRACE)]);
      return exitCode;
    } finally {
      unlock();
    }
  } catch (error) {
    const failure = describeFailure(error, { trace: env["SCORESTREAM_DEBUG"] === "1", whenFull: WHEN_FULL });
    tell(failure.text);
    return failure.exitCode;
  }
}

await runProgram(import.meta.url, (argv) => {
  const { stdout, stderr, env } = process;
  return monitorMain(argv, { stdout, stderr, env, signals: process, exit: process.exit });
});
