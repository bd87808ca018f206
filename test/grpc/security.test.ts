import { lastValueFrom, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { endpointText, isLoopback, parseEndpoint } from "../../src/grpc/endpoint.ts";
import { occasionally } from "../../src/base/occasionally.ts";
import { clientSecurity, serverSecurity, type Secrets } from "../../src/grpc/security.ts";
import { Archive } from "../../src/monitor/archive.ts";
import { batch, metrics, recordedRun, temporaryFolder } from "../monitor/fixture.ts";
import { connect, LOCAL, monitorIn, selfSigned, served, until } from "./fixture.ts";

describe("HOST:PORT", () => {
  it.each([
    ["127.0.0.1:50051", "127.0.0.1", 50051, true],
    ["localhost:1", "localhost", 1, true],
    ["127.9.9.9:1", "127.9.9.9", 1, true],
    ["[::1]:80", "::1", 80, true],
    ["0.0.0.0:0", "0.0.0.0", 0, false],
    ["[::]:80", "::", 80, false],
    ["192.168.0.7:65535", "192.168.0.7", 65535, false],
    ["127.0.0.1.example.org:80", "127.0.0.1.example.org", 80, false],
    ["localhost.example.org:80", "localhost.example.org", 80, false],
  ])("%s", (text, host, port, loopback) => {
    const endpoint = parseEndpoint("--listen", text, true);
    expect(endpoint).toEqual({ host, port });
    expect(endpointText(endpoint)).toBe(text);
    expect(isLoopback(endpoint)).toBe(loopback);
  });

  it.each([
    "",
    "localhost",
    ":80",
    "localhost:",
    "a:b:80",
    "::1:80",
    "[localhost]:80",
    "h:65536",
    "http://h:80",
    "h:-1",
  ])("refuses %j", (text) => expect(() => parseEndpoint("--listen", text, true)).toThrow(UsageError));

  it("refuses port 0 where it makes no sense", () => {
    expect(() => parseEndpoint("--metrics-push", "localhost:0", false)).toThrow("the port is out of range");
  });
});

describe("what is asked of whom", () => {
  const everywhere = { host: "0.0.0.0", port: 1 };
  const [cert, key, ca] = [Buffer.from("cert"), Buffer.from("key"), Buffer.from("ca")];
  const full: Secrets = { tlsCert: cert, tlsKey: key, token: "t" };

  it.each<[string, Secrets, string]>([
    ["nothing", {}, "a certificate and a token"],
    ["a token", { token: "t" }, "needs a certificate"],
    ["a certificate", { tlsCert: cert, tlsKey: key }, "needs a token"],
    ["half a certificate", { tlsCert: cert, token: "t" }, "--tls-cert and --tls-key need each other"],
  ])("a server for other machines is refused with %s", (_, secrets, message) => {
    expect(() => serverSecurity("--listen", everywhere, secrets)).toThrow(message);
  });

  it("a server for other machines asks for TLS and a token, or says --insecure", () => {
    expect(serverSecurity("--listen", everywhere, full)).toEqual({ tls: { cert, key }, token: "t" });
    expect(serverSecurity("--listen", everywhere, { insecure: true })).toEqual({});
    expect(serverSecurity("--listen", everywhere, { insecure: true, token: "t" })).toEqual({ token: "t" });
  });

  it("a server on loopback asks for a token only when a file of it was named", () => {
    expect(serverSecurity("--listen", LOCAL, { token: "t" })).toEqual({});
    expect(serverSecurity("--listen", LOCAL, { token: "t", tokenFromFile: true })).toEqual({ token: "t" });
  });

  it("a client sends nothing in the clear to other machines", () => {
    const away = { host: "monitor.example.org", port: 1 };
    expect(() => clientSecurity("--metrics-push", away, {})).toThrow("is on another machine, which needs a token");
    expect(clientSecurity("--metrics-push", away, { token: "t" })).toEqual({ tls: {}, token: "t" });
    expect(clientSecurity("--metrics-push", away, { token: "t", tlsCa: ca })).toEqual({ tls: { ca }, token: "t" });
    expect(clientSecurity("--metrics-push", away, { insecure: true })).toEqual({});
    expect(clientSecurity("--metrics-push", LOCAL, {})).toEqual({});
  });
});

describe("a server with TLS and a token", () => {
  const past = { span: "PAST" } as const;

  it("serves who has both, and refuses the others, who see nothing", async () => {
    const { cert, key } = selfSigned();
    const { feed } = recordedRun(temporaryFolder(), metrics(1, 3));
    const server = await served(feed, { security: { tls: { cert, key }, token: "secret" } });
    const tls = { ca: cert };
    const watch = (security: Parameters<typeof connect>[1]) =>
      lastValueFrom(connect(server, security).watch(past).pipe(toArray()));
    expect((await watch({ tls, token: "secret" }))[0]!.metrics).toEqual(metrics(1, 3));
    await expect(watch({ tls, token: "guess" })).rejects.toThrow("UNAUTHENTICATED");
    await expect(watch({ tls })).rejects.toThrow("UNAUTHENTICATED");
    // A certificate that nobody it trusts has signed; and a client that does not encrypt.
    await expect(watch({ tls: {}, token: "secret" })).rejects.toThrow("UNAVAILABLE");
    await expect(watch({ token: "secret" })).rejects.toThrow("UNAVAILABLE");
    expect(server.told).toHaveLength(2);
    expect(server.told[1]).toMatch(/^the TLS handshake with 127\.0\.0\.1:\d+ failed: wrong version number$/);
    expect(server.told[0]).toMatch(/^127\.0\.0\.1:\d+ was refused \/scorestream\.v1\.Monitor\/Watch: it has no valid token$/); // prettier-ignore
  });

  it.each(["secre", "secrett", "Secret", "secret,secret"])("is not opened by the token %s", async (token) => {
    const { feed } = recordedRun(temporaryFolder(), metrics(1, 1));
    const server = await served(feed, { security: { token: "secret" } });
    const watching = lastValueFrom(connect(server, { token }).watch(past));
    await expect(watching).rejects.toThrow("UNAUTHENTICATED: the token is wrong: give this server's with --token-file");
  });

  it("says that it needs a token to who has none", async () => {
    const { feed } = recordedRun(temporaryFolder(), metrics(1, 1));
    const server = await served(feed, { security: { token: "secret" } });
    const watching = lastValueFrom(connect(server).watch(past));
    await expect(watching).rejects.toThrow("UNAUTHENTICATED: a token is needed: authorization: Bearer TOKEN");
  });

  it("stores nothing of who has no token", async () => {
    const dir = temporaryFolder();
    const monitor = await monitorIn(dir, { security: { token: "secret" } });
    async function* one() {
      yield batch(1, 1);
    }
    await expect(lastValueFrom(connect(monitor).push(one(), 5000))).rejects.toThrow("UNAUTHENTICATED");
    expect(new Archive(dir).logs()).toEqual([]);
    const summary = await lastValueFrom(connect(monitor, { token: "secret" }).push(one(), 5000));
    expect(summary.stored).toBe(1);
  });

  it("does not start on a certificate that is none, or where another listens", async () => {
    const { feed } = recordedRun(temporaryFolder());
    const bad = { tls: { cert: Buffer.from("no PEM"), key: Buffer.from("no PEM") } };
    await expect(served(feed, { security: bad })).rejects.toThrow(/--listen 127\.0\.0\.1:0: cannot listen there/);
    const { endpoint } = await served(feed);
    await expect(served(feed, { endpoint })).rejects.toThrow(UsageError);
    await until(() => !feed.live.observed);
  });
});

it("occasionally reports at once, then seldom, with the number left out", () => {
  let time = 0;
  const told: unknown[] = [];
  const report = occasionally((leftOut, text: string) => told.push([leftOut, text]), 100, () => time); // prettier-ignore
  for (time = 0; time < 250; time += 10) report(String(time));
  expect(told).toEqual([
    [0, "0"],
    [9, "100"],
    [9, "200"],
  ]);
});
