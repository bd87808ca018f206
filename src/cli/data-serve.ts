/** `npm run data -- serve`. */
import { endpointText, parseEndpoint } from "../grpc/endpoint.ts";
import { openCatalog } from "../grpc/flight/catalog.ts";
import { serveFlight } from "../grpc/flight/serve.ts";
import { serverSecurity } from "../grpc/security.ts";
import type { ServeRequest } from "./data-flight-options.ts";
import type { Environment } from "./environment.ts";
import { readSecrets } from "../grpc/secrets.ts";
import { listenForSignals } from "./signals.ts";

type Surroundings = Pick<Environment, "stdout" | "stderr" | "env" | "signals" | "exit">;

/** ms that readers have to take what is on its way when the server ends. */
const GRACE = 2000;

/**
 * Serves prepared folders until a signal.
 *
 * @param folders Of splits, each with a manifest.
 * @returns The exit code, 130 or 143.
 * @throws UsageError when strangers could connect, it cannot listen, or a folder is not whole.
 */
export async function serveData(
  { listen, security }: ServeRequest,
  folders: readonly string[],
  { stdout, stderr, env, signals, exit }: Surroundings,
): Promise<number> {
  const endpoint = parseEndpoint("--listen", listen, true);
  const asked = serverSecurity("--listen", endpoint, readSecrets(security, env));
  const catalog = await openCatalog(folders);
  const tell = (text: string) => void stderr.write(`${text}\n`);
  try {
    const server = await serveFlight({ option: "--listen", endpoint, security: asked, catalog, tell });
    const given = catalog.sets.map(({ path, images }) => `${path.join("/")} (${images.length} images)`);
    stdout.write(`listening on ${endpointText(server.endpoint)}, giving ${given.join(", ")}\n`);
    const exitCode = await new Promise<number>((end) => {
      const listening = listenForSignals({
        source: signals,
        onStop: () => end(listening.stopped!.exitCode),
        onQuit: exit,
      });
    });
    await server.close(GRACE);
    return exitCode;
  } finally {
    catalog.close();
  }
}
