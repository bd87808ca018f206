/** `npm run monitor`: stores the metrics that runs push, and serves them to watchers. */
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Command, CommanderError } from "commander";
import { UsageError } from "../errors.ts";
import { endpointText, parseEndpoint } from "../grpc/endpoint.ts";
import { serverSecurity } from "../grpc/security.ts";
import { serve } from "../grpc/serve.ts";
import { Archive } from "../monitor/archive.ts";
import { describeFailure } from "./failure.ts";
import { addSecurityOptions, readSecrets, type SecurityOptions } from "./security-options.ts";
import { listenForSignals, type SignalSource } from "./signals.ts";
import { openWorkdir } from "./workdir.ts";

export interface MonitorEnvironment {
  readonly stdout: Pick<NodeJS.WriteStream, "write">;
  readonly stderr: Pick<NodeJS.WriteStream, "write">;
  readonly env: NodeJS.ProcessEnv;
  readonly signals: SignalSource;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

interface Given extends SecurityOptions {
  readonly listen: string;
  readonly dir: string;
  readonly help?: boolean;
}

/** ms that watchers have to take what is on its way when the monitor ends. */
const GRACE = 2000;

function program(): Command {
  const command = new Command("npm run monitor")
    .usage("[-- options]")
    .option("--listen <host:port>", "where runs push to (--metrics-push) and watchers watch", "127.0.0.1:50051")
    .option("--dir <folder>", "where metrics are kept, one file of JSON lines a run", "runs/monitor");
  addSecurityOptions(command);
  return command
    .option("-h, --help", "this text")
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

/**
 * Runs until a signal.
 *
 * @returns The exit code, as for a run: 130 or 143 after a signal, 2 for bad usage, 1 for a failure.
 */
export async function main(argv: readonly string[], environment: MonitorEnvironment): Promise<number> {
  const { stdout, stderr, env, signals } = environment;
  const tell = (text: string) => void stderr.write(`${text}\n`);
  const command = program();
  try {
    const given = parse(command, argv);
    if (given.help) {
      stdout.write(command.helpInformation());
      return 0;
    }
    const endpoint = parseEndpoint("--listen", given.listen, true);
    const security = serverSecurity("--listen", endpoint, readSecrets(given, env));
    const unlock = openWorkdir(given.dir, (text) => tell(`note: ${text}`));
    try {
      const archive = new Archive(given.dir);
      const server = await serve({ option: "--listen", endpoint, security, feed: archive, store: archive, tell });
      stdout.write(`listening on ${endpointText(server.endpoint)}, ${archive.logs().length} runs in ${resolve(given.dir)}\n`); // prettier-ignore
      const exitCode = await new Promise<number>((end) => {
        const listening = listenForSignals({
          source: signals,
          onStop: () => end(listening.stopped!.exitCode),
          onQuit: environment.exit,
        });
      });
      archive.close();
      await server.close(GRACE);
      return exitCode;
    } finally {
      unlock();
    }
  } catch (error) {
    const failure = describeFailure(error, { trace: env["SCORESTREAM_DEBUG"] === "1" });
    tell(failure.text);
    return failure.exitCode;
  }
}

const entry = process.argv[1];
if (entry && import.meta.url === pathToFileURL(realpathSync(entry)).href) {
  const { stdout, stderr, env } = process;
  process.exit(await main(process.argv.slice(2), { stdout, stderr, env, signals: process, exit: process.exit }));
}
