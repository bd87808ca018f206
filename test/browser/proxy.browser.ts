/** A monitor with a token behind real proxies with TLS, under a path: its page in a browser, and Push and Watch. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { firstValueFrom } from "rxjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MonitorClient } from "../../src/monitor/grpc/monitor-client.ts";
import { Pusher } from "../../src/monitor/grpc/pusher.ts";
import { MetricLog } from "../../src/monitor/metric-log.ts";
import { launchBrowser } from "./fixture.ts";
import { startProxy, type ProxyName } from "./proxies.ts";

const TOKEN = "a-secret-of-operators";
const NAME = "runs.example.org";
const folder = mkdtempSync(join(tmpdir(), "scorestream-proxies-"));
const certificate = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
let browser: Browser;

beforeAll(async () => {
  const names = `subjectAltName=DNS:${NAME},DNS:localhost`;
  const args = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test"];
  execFileSync("openssl", ["req", "-x509", ...args, "-addext", names, "-keyout", certificate.key, "-out", certificate.cert], { stdio: "pipe" }); // prettier-ignore
  writeFileSync(join(folder, "token"), TOKEN);
  browser = await launchBrowser(`--host-resolver-rules=MAP ${NAME} 127.0.0.1`);
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** `npm run monitor` beside the proxy, as its configuration says. */
async function startMonitor() {
  const dir = mkdtempSync(join(folder, "monitor-"));
  const addresses = ["--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--dir", dir, "--runs", join(dir, "none")];
  const program = ["scripts/run.mjs", "src/cli/monitor.ts", ...addresses];
  const given = ["--allow-host", NAME, "--token-file", join(folder, "token")];
  const child = spawn(process.execPath, [...program, ...given], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  let text = "";
  const [grpc, web] = await new Promise<[number, number]>((resolve, reject) => {
    child.stdout.on("data", (more) => {
      text += String(more);
      const found = /listening on \S+:(\d+),[^]*page: http:\S+:(\d+)\//.exec(text);
      if (found) resolve([Number(found[1]), Number(found[2])]);
    });
    void ended.then(([code]) => reject(new Error(`the monitor ended with ${code}:\n${text}`)));
  });
  return { grpc, web, stop: () => (child.kill("SIGTERM"), ended) };
}

/** Pushes `count` metrics of a run; true when the monitor has all. */
async function push(client: MonitorClient, runId: string, count: number): Promise<boolean> {
  const log = new MetricLog(join(folder, `${runId}.jsonl`), { runId, node: "node" });
  const time = new Date().toISOString();
  const metric = (step: number) => ({ name: "train/loss", step, value: 1 / step, unit: "1", time });
  log.append(
    Array.from({ length: count }, (_, i) => ({ runId, node: "node", sequence: i + 1, metric: metric(i + 1) })),
  );
  const told: string[] = [];
  const complete = await new Pusher({ client, log, name: "M", tell: (text) => told.push(text) }).close(60_000);
  expect(told).toEqual([]);
  return complete;
}

describe.each<ProxyName>(["nginx", "haproxy"])("behind %s", (name) => {
  it("lives under a path with TLS, and takes the token without a trace of it", async () => {
    const monitor = await startMonitor();
    await using proxy = await startProxy(name, { ...monitor, certificate });
    const tls = { ca: readFileSync(certificate.cert) };
    const client = new MonitorClient({ host: "localhost", port: proxy.port }, { tls, token: TOKEN });
    try {
      // More than nginx takes in one call.
      expect(await push(client, "first-run", 26_000)).toBe(true);
      const seen = await firstValueFrom(client.watch({ runIds: ["first-run"], after: [{ runId: "first-run", node: "node", sequence: 25_999 }] })); // prettier-ignore
      expect([seen.sequence, seen.metrics[0]!.step]).toEqual([26_000, 26_000]);

      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const page = await context.newPage();
      const asked: string[] = [];
      const troubles: string[] = [];
      page.on("request", (request) => asked.push(request.url()));
      page.on("pageerror", ({ message }) => troubles.push(message));
      const base = `https://${NAME}:${proxy.port}/scorestream`;
      await page.goto(base);
      expect(page.url()).toBe(`${base}/`);
      await page.getByLabel("Token").fill("guess");
      await page.getByRole("button", { name: "Enter" }).click();
      await page.getByRole("alert").getByText("This is not the token.").waitFor();
      await page.getByLabel("Token").fill(TOKEN);
      await page.getByRole("button", { name: "Enter" }).click();
      await page.locator("figure.chart canvas").first().waitFor();
      await page.getByText("first-run").first().waitFor();
      const [cookie] = await context.cookies();
      expect(cookie).toMatchObject({ path: "/scorestream", secure: true, httpOnly: true, sameSite: "Strict" });
      // What comes is shown at once: nothing is held back on the way.
      const started = Date.now();
      expect(await push(client, "second-run", 3)).toBe(true);
      await page.getByText("second-run").first().waitFor({ timeout: 10_000 });
      console.log(`${name}: a new run is on the page after ${Date.now() - started} ms`);
      expect(asked.filter((url) => !url.startsWith(`${base}/`) && url !== base)).toEqual([]);
      expect(asked.join()).not.toContain(TOKEN);
      expect(troubles).toEqual([]);

      const log = proxy.logs();
      expect(log).toMatch(/POST \S*\/scorestream\/ /);
      // Another site may be at the root.
      expect(log).not.toContain("favicon.ico");
      expect(log).not.toContain(TOKEN);
      await context.close();
    } finally {
      client.close();
      await monitor.stop();
    }
  });

  it("lives behind its plainest configuration, whose first bytes come at once", async () => {
    const monitor = await startMonitor();
    await using proxy = await startProxy(name, { ...monitor, certificate });
    try {
      const headers = { authorization: `Bearer ${TOKEN}` };
      const response = await fetch(`http://127.0.0.1:${proxy.plainPort}/api/feed`, { headers, signal: AbortSignal.timeout(5000) }); // prettier-ignore
      const reader = response.body!.getReader();
      const { value } = await reader.read();
      expect(new TextDecoder().decode(value)).toMatch(/^event: hello\n/);
      await reader.cancel();
      expect((await fetch(`http://127.0.0.1:${proxy.plainPort}/`)).status).toBe(401);
    } finally {
      await monitor.stop();
    }
  });
});
