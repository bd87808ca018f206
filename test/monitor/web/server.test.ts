import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { request } from "node:https";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { Archive } from "../../../src/monitor/archive.ts";
import { logFile } from "../../../src/monitor/log-file.ts";
import { prometheusHandler } from "../../../src/monitor/web/prometheus-handler.ts";
import { runWeb } from "../../../src/monitor/web/run-web.ts";
import { selfSigned } from "../../grpc/fixture.ts";
import { batch, metrics, recordedRun, temporaryFolder } from "../fixture.ts";
import { rawStatus, webRun } from "./fixture.ts";

const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47);

describe("the page", () => {
  it("comes with its program and its looks, and nothing from elsewhere", async () => {
    const { get } = await webRun();
    const page = await get("/");
    expect(page.status).toBe(200);
    const html = await page.text();
    const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
    expect(links).toEqual(["icon.svg", "page.css", "page.js"]);
    const answers = await Promise.all(links.map((link) => get(`/${link}`)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const types = answers.map(({ headers }) => headers.get("content-type"));
    expect(types).toEqual(["image/svg+xml", "text/css; charset=utf-8", "text/javascript; charset=utf-8"]);
    const style = await answers[1]!.text();
    expect(style).not.toMatch(/url\(|@import/);
    const script = await answers[2]!.text();
    expect(script).not.toMatch(/\bimport\s*[("']/);
    expect(script.length + style.length).toBeLessThan(150_000);
  });

  it("carries headers that keep others out on every answer", async () => {
    const { get } = await webRun();
    for (const path of ["/", "/api/runs", "/none"]) {
      const { headers } = await get(path);
      expect(headers.get("content-security-policy")).toContain("default-src 'none'; script-src 'self'");
      expect(headers.get("content-security-policy")).not.toMatch(/unsafe|https?:|\*/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("cache-control")).toBe("no-store");
    }
  });
});

describe("a run's files", () => {
  it("are listed and given: grids by step, configuration, log tail, report", async () => {
    const { get, put, workdir } = await webRun(metrics(1, 1));
    expect(await (await get("/api/runs")).json()).toEqual(["run"]);
    const nothing = { samples: [], config: false, report: false, log: 0 };
    expect(await (await get("/api/runs/run")).json()).toEqual({ run: "run", files: nothing });
    for (const path of ["config", "log", "report", "samples/samples_1.png"]) {
      expect((await get(`/api/runs/run/${path}`)).status, path).toBe(404);
    }
    put("samples/samples_900.png", PNG);
    put("samples/samples_1000.png", PNG);
    put("samples/samples_1000.arrow", "no picture");
    put("config.json", '{"sde":"vp"}');
    put("eval/report.html", "<p>report</p>");
    const log = logFile(workdir, () => {}, () => new Date(0)); // prettier-ignore
    for (let i = 1; i <= 5; i++) log(`line ${i}\nmore`);
    put("secret", "secret");
    symlinkSync(join(workdir, "secret"), join(workdir, "samples", "link.png"));

    const { files } = (await (await get("/api/runs/run")).json()) as { files: Record<string, unknown> };
    expect(files).toMatchObject({ config: true, report: true });
    expect(files["samples"]).toMatchObject([
      { name: "samples_900.png", step: 900, bytes: 4 },
      { name: "samples_1000.png", step: 1000, bytes: 4 },
    ]);
    const grid = await get("/api/runs/run/samples/samples_900.png");
    expect(grid.headers.get("content-type")).toBe("image/png");
    expect(new Uint8Array(await grid.arrayBuffer())).toEqual(PNG);
    expect(await (await get("/api/runs/run/config")).json()).toEqual({ sde: "vp" });
    expect(await (await get("/api/runs/run/log?lines=3")).text()).toBe(
      "  more\n1970-01-01T00:00:00.000Z line 5\n  more\n",
    );
    const report = await get("/api/runs/run/report");
    expect(report.headers.get("content-security-policy")).toContain("sandbox");
    expect(await report.text()).toBe("<p>report</p>");
    expect((await get("/api/runs/run/samples/link.png")).status).toBe(404);
  });

  it("end at the last line of a long log, whole lines only", async () => {
    const { get, put } = await webRun();
    put("log.txt", Array.from({ length: 20_000 }, (_, i) => `line ${i} ${"x".repeat(40)}\n`).join(""));
    const lines = (await (await get("/api/runs/run/log?lines=10000")).text()).trimEnd().split("\n");
    expect(lines.at(-1)).toMatch(/^line 19999 x+$/);
    expect(lines.every((line) => /^line \d+ x{40}$/.test(line))).toBe(true);
  });

  it("are not there for runs of other machines", async () => {
    const archive = new Archive(temporaryFolder());
    archive.accept(batch(1, 3, { runId: "away/1" }));
    const { get } = await webRun([], { source: { feed: archive, workdir: () => undefined } });
    expect(await (await get("/api/runs")).json()).toEqual(["away/1"]);
    expect(await (await get("/api/runs/away%2F1")).json()).toEqual({ run: "away/1", files: null });
    expect((await get("/api/runs/away%2F1/config")).status).toBe(404);
  });
});

describe("requests that are refused", () => {
  it.each([
    ["/none", 404],
    ["/api", 404],
    ["/api/runs/other", 404],
    ["/api/runs/run/none", 404],
    ["/api/runs/run/config/more", 404],
    ["/metrics", 404],
    ["/../secret", 404],
    ["/api/runs/run/samples/../../secret", 404],
    ["/api/runs/run/samples/..%2f..%2fsecret", 404],
    ["/api/runs/run/samples/..%2fsecret.png", 404],
    ["/api/runs/run/samples/%2e%2e/secret.png", 404],
    ["/api/runs/..%2f..%2fetc/config", 404],
    ["/api/runs/run/samples/%00.png", 404],
    ["/%zz", 400],
    ["/api/runs/%ff", 400],
    ["//", 400],
    ["/api/runs/run/log?lines=-1", 400],
    ["/api/runs/run/log?lines=1e9", 400],
    ["/api/feed?from=a", 400],
    ["/api/feed?from=1,run", 400],
    ["/api/feed?points=1", 400],
  ])("%s is %d", async (path, status) => {
    const { url, put } = await webRun();
    put("secret", "secret");
    put("secret.png", "secret");
    expect(await rawStatus(url, path)).toBe(status);
  });

  it.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])("%s is 405", async (method) => {
    const { get } = await webRun();
    const answer = await get("/api/runs", { method });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("HEAD of the feed is answered, and begins no feed", async () => {
    const { get } = await webRun();
    const answer = await get("/api/feed", { method: "HEAD", signal: AbortSignal.timeout(2000) });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
    expect((await get("/api/feed?points=x", { method: "HEAD" })).status).toBe(400);
  });

  it("HEAD has no body", async () => {
    const { get } = await webRun();
    const answer = await get("/", { method: "HEAD" });
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
  });

  it("tells Prometheus the newest values, past and live", async () => {
    const time = new Date().toISOString();
    const recent = metrics(1, 3).map((metric) => ({ ...metric, time }));
    const { feed, write } = recordedRun(temporaryFolder(), recent);
    const source = { feed, workdir: () => undefined };
    const { get } = await webRun([], { source, metrics: prometheusHandler(feed) });
    const value = async () => /^scorestream_train_loss\{.*\} (\S+)/m.exec(await (await get("/metrics")).text())?.[1];
    expect(await value()).toBe("0.75");
    write(metrics(4, 6));
    expect(await value()).toBe("1.5");
    const { headers } = await get("/metrics");
    expect([headers.get("x-content-type-options"), headers.get("cache-control")]).toEqual(["nosniff", "no-store"]);
    expect(headers.get("content-type")).toMatch(/^text\/plain/);
  });

  it("leaves /metrics to who asked for it", async () => {
    const { get } = await webRun([], { metrics: (_, response) => response.end("up 1\n") });
    expect(await (await get("/metrics")).text()).toBe("up 1\n");
  });
});

describe("who may look", () => {
  it("is asked for nothing on loopback, but no page of another name gets through (DNS rebinding)", async () => {
    const { url, endpoint } = await webRun();
    for (const host of ["localhost", "127.0.0.1", "[::1]"]) expect(await rawStatus(url, "/", { host: `${host}:${endpoint.port}` })).toBe(200); // prettier-ignore
    expect(await rawStatus(url, "/", { host: "localhost" })).toBe(200);
    for (const host of ["evil.example", `evil.example:${endpoint.port}`, "127.0.0.1.evil.example"]) expect(await rawStatus(url, "/", { host })).toBe(421); // prettier-ignore
  });

  it("shows the token once and gets a cookie for it", async () => {
    const token = "a-secret";
    const { get, told, endpoint } = await webRun([], { security: { token } });
    expect((await get("/")).status).toBe(401);
    expect(await (await get("/")).text()).toContain('name="token"');
    expect((await get("/api/runs")).status).toBe(401);
    const post = (text: string) => get("/", { method: "POST", body: new URLSearchParams({ token: text }) });
    expect((await post("wrong")).status).toBe(401);
    expect(told[0]).toMatch(/was refused \/api\/runs: it has no valid token/);

    const entered = await post(token);
    expect([entered.status, entered.headers.get("location")]).toEqual([303, "./"]);
    const cookie = entered.headers.get("set-cookie")!;
    expect(cookie).toMatch(
      new RegExp(`^scorestream-${endpoint.port}=[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=/$`),
    );
    expect(cookie).not.toContain(token);
    const headers = { cookie: `other=1; ${cookie.split(";")[0]}` };
    expect((await get("/api/runs", { headers })).status).toBe(200);
    expect((await get("/api/runs", { headers: { cookie: `scorestream-${endpoint.port}=${token}` } })).status).toBe(401);
    expect((await get("/api/runs", { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
    // The token is asked for before anything else is told.
    expect((await get("/none", { method: "POST" })).status).toBe(401);
  });

  it("answers to names that were allowed, and says how to allow one", async () => {
    const { url } = await webRun([], { security: { hosts: ["runs.example"] } });
    for (const host of ["runs.example", "Runs.Example:443", "localhost"]) expect(await rawStatus(url, "/", { host })).toBe(200); // prettier-ignore
    for (const host of ["runs.example.evil", "evil.example"]) expect(await rawStatus(url, "/", { host })).toBe(421);
  });

  it("is served over TLS with a certificate, with a cookie for TLS only", async () => {
    const { cert, key } = selfSigned();
    const { url } = await webRun([], { security: { tls: { cert, key }, token: "a-secret" } });
    expect(url).toMatch(/^https:/);
    const cookies = await new Promise<string[] | undefined>((resolve, reject) => {
      const asked = request(url, { method: "POST", ca: cert, agent: false }, (response) =>
        response.resume().on("end", () => resolve(response.headers["set-cookie"])),
      );
      asked.on("error", reject).end("token=a-secret");
    });
    expect(cookies?.[0]).toMatch(/; Secure$/);
  });
});

/** Runs a program of the server's modules in a process of its own until nothing keeps it. */
async function ranByItself(program: string) {
  const from = (path: string) => JSON.stringify(new URL(`../../../src/monitor/${path}`, import.meta.url).href);
  const imports = `
    import { mkdtempSync, rmSync } from "node:fs"; import { tmpdir } from "node:os"; import { join } from "node:path";
    import { RunFeed } from ${from("feed.ts")}; import { MetricLog } from ${from("metric-log.ts")};
    import { serveWeb } from ${from("web/web-server.ts")};`;
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const child = spawn(process.execPath, ["--import", tsx, "--input-type=module", "-e", imports + program]);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += String(text)));
  child.stderr.on("data", (text) => (stderr += String(text)));
  onTestFinished(() => void child.kill("SIGKILL"));
  const [status] = (await once(child, "close")) as [number | null];
  return { stdout, stderr, status };
}

describe("serveWeb", () => {
  it("refuses a taken port, and what is no certificate", async () => {
    const { endpoint } = await webRun();
    await expect(webRun([], { endpoint })).rejects.toThrow(UsageError);
    await expect(webRun([], { endpoint })).rejects.toThrow(/--monitor 127\.0\.0\.1:\d+: cannot listen there: .*EADDRINUSE/); // prettier-ignore
    const tls = { cert: Buffer.from("no"), key: Buffer.from("no") };
    await expect(webRun([], { security: { tls } })).rejects.toThrow(/^--monitor: .*\n {2}remedy: give a certificate/);
  });

  it("binds only what was asked for", async () => {
    const { endpoint } = await webRun();
    const listening = execFileSync("cat", ["/proc/net/tcp"], { encoding: "utf8" });
    const port = endpoint.port.toString(16).toUpperCase().padStart(4, "0");
    const local = listening.split("\n").flatMap((line) => (/ 0A /.test(line) ? [line.trim().split(/\s+/)[1]!] : []));
    expect(local.filter((address) => address.endsWith(`:${port}`))).toEqual([`0100007F:${port}`]);
  });

  it("leaves no handle behind: a process ends by itself after it, with a watcher at work", async () => {
    const { stdout, status } = await ranByItself(`
      const workdir = mkdtempSync(join(tmpdir(), "scorestream-web-"));
      const feed = new RunFeed(new MetricLog(join(workdir, "metrics.jsonl"), { runId: "run", node: "node" }));
      const endpoint = { host: "127.0.0.1", port: 0 };
      const source = { feed, workdir: () => workdir };
      const page = await serveWeb({ option: "--monitor", endpoint, security: {}, source, tell: console.error });
      const runs = await (await fetch(page.url + "api/runs")).json();
      const watching = await fetch(page.url + "api/feed");
      feed.close();
      await page.close(5000);
      console.log(runs, (await watching.text()).includes("event: end"));
      rmSync(workdir, { recursive: true });
    `);
    expect([stdout, status]).toEqual(["[ 'run' ] true\n", 0]);
  });
});

it("runWeb follows the record that another thread writes", async () => {
  const workdir = temporaryFolder();
  const web = { endpoint: { host: "127.0.0.1", port: 0 }, security: {} };
  const page = await runWeb(
    { path: join(workdir, "metrics.jsonl"), node: "node", runId: "one", workdir, web },
    () => {},
  );
  expect(await (await fetch(new URL("/api/runs", page.ready))).json()).toEqual(["one"]);
  await page.close(0);
  await expect(fetch(page.ready)).rejects.toThrow();
});
