/** Servers and clients on ports of this machine that are closed after the test. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Endpoint } from "../../src/grpc/endpoint.ts";
import { MonitorClient } from "../../src/monitor/grpc/monitor-client.ts";
import type { ClientSecurity } from "../../src/grpc/security.ts";
import { serve, type ServeOptions, type Serving } from "../../src/monitor/grpc/serve.ts";
import { Archive } from "../../src/monitor/archive.ts";
import type { Feed } from "../../src/monitor/feed.ts";
import { temporaryFolder } from "../monitor/fixture.ts";

export const LOCAL: Endpoint = { host: "127.0.0.1", port: 0 };

export interface Served extends Serving {
  readonly told: string[];
}

/** Serves a feed; without other options nobody is asked for anything. */
export async function served(feed: Feed, options: Partial<ServeOptions> = {}): Promise<Served> {
  const told: string[] = [];
  const tell = (text: string) => void told.push(text);
  const server = await serve({ option: "--listen", endpoint: LOCAL, security: {}, feed, tell, ...options });
  let open = true;
  const close = async (grace: number) => {
    if (!open) return;
    open = false;
    await server.close(grace);
  };
  onTestFinished(() => close(0));
  return { ...server, close, told };
}

/** A monitor that stores in `dir`. */
export async function monitorIn(dir: string, options: Partial<ServeOptions> = {}) {
  const archive = new Archive(dir);
  const server = await served(archive, { store: archive, ...options });
  return { archive, ...server };
}

export function connect({ endpoint }: { endpoint: Endpoint }, security?: ClientSecurity): MonitorClient {
  const client = new MonitorClient(endpoint, security);
  onTestFinished(() => client.close());
  return client;
}

/** Resolves once `condition` holds; the test's own time limit ends the waiting. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A key and a certificate for 127.0.0.1 and localhost that is signed by itself, made now. */
export function selfSigned() {
  const folder = temporaryFolder();
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const names = "subjectAltName=IP:127.0.0.1,DNS:localhost";
  const args = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test"];
  execFileSync("openssl", ["req", "-x509", ...args, "-addext", names, "-keyout", key, "-out", cert], { stdio: "pipe" });
  return { paths: { key, cert }, key: readFileSync(key), cert: readFileSync(cert) };
}
