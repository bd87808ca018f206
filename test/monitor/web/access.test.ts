import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { gate } from "../../../src/monitor/web/access.ts";

const endpoint = { host: "0.0.0.0", port: 8080 };

function request(headers: Record<string, string> = {}, remoteAddress: string | undefined = "10.0.0.7") {
  return { headers, socket: { remoteAddress } } as unknown as IncomingMessage;
}
const at = (path: string) => new URL(path, "http://page");

describe("a gate with a token", () => {
  function gated() {
    const refused: string[][] = [];
    const pass = gate(endpoint, { token: "secret" }, (...who) => refused.push(who));
    const status = (path: string, headers?: Record<string, string>, posted?: string) =>
      pass(request(headers), at(path), posted)?.status;
    return { pass, refused, status };
  }
  const cookie = gated().pass(request(), at("/"), "secret")!.headers["Set-Cookie"]!.split(";")[0]!;

  it("takes the token in full, as a cookie of it, a header or once from the form, and nothing like it", () => {
    const { status } = gated();
    expect(status("/api/runs", { cookie })).toBeUndefined();
    expect(status("/api/runs", { cookie: `a=b;${cookie};c=d` })).toBeUndefined();
    expect(status("/api/runs", { authorization: "Bearer secret" })).toBeUndefined();
    expect(status("/", {}, "secret")).toBe(303);
    for (const wrong of ["Bearer secre", "Bearer secrett", "Bearer ", "secret", "bearer secret", "Bearer Secret"]) {
      expect(status("/api/runs", { authorization: wrong }), wrong).toBe(401);
    }
    for (const wrong of [cookie.slice(0, -1), `${cookie}0`, `x${cookie}`, cookie.replace("8080", "8081")]) {
      expect(status("/api/runs", { cookie: wrong }), wrong).toBe(401);
    }
    for (const wrong of ["", "secre", "secrett"]) expect(status("/", {}, wrong), wrong).toBe(401);
    // An address gets into logs.
    for (const path of ["/?token=secret", "/api/runs?token=secret"]) expect(status(path), path).toBe(401);
  });

  it("makes another cookie of another token, of another port, and for TLS only where there is TLS", () => {
    const tls = { cert: new Uint8Array(), key: new Uint8Array() };
    const given = (security: object, port = 8080) => {
      const pass = gate({ ...endpoint, port }, { token: "secret", ...security }, () => {});
      return pass(request(), at("/"), (security as { token?: string }).token ?? "secret")!.headers;
    };
    expect(given({})["Location"]).toBe("./");
    expect(given({})["Set-Cookie"]).toBe(`${cookie}; HttpOnly; SameSite=Strict; Path=/`);
    expect(given({ tls })["Set-Cookie"]).toBe(`${cookie}; HttpOnly; SameSite=Strict; Path=/; Secure`);
    expect(given({ token: "other" })["Set-Cookie"]!.split(";")[0]).not.toBe(cookie);
    expect(given({}, 9090)["Set-Cookie"]).toMatch(/^scorestream-9090=[0-9a-f]{64};/);
  });

  it("asks who comes to the page without telling of it, and tells of who tries something else", () => {
    const { pass, refused, status } = gated();
    const asked = pass(request(), at("/"))!;
    expect([asked.status, asked.headers["Content-Type"]]).toEqual([401, "text/html; charset=utf-8"]);
    for (const path of ["/page.css", "/icon.svg"]) expect(status(path), path).toBeUndefined();
    // A browser would ask the site's root for one.
    expect(asked.body).toContain('rel="icon" href="icon.svg"');
    expect(refused).toEqual([]);
    expect(status("/page.js")).toBe(401);
    expect(status("/", {}, "guess")).toBe(401);
    expect(refused).toEqual([
      ["10.0.0.7", "/page.js"],
      ["10.0.0.7", "/"],
    ]);
  });

  it("tells of somebody where the address is gone", () => {
    const { pass, refused } = gated();
    const gone = { headers: {}, socket: {} } as unknown as IncomingMessage;
    expect(pass(gone, at("/api/runs"))!.body).toBe(
      "a token is needed: enter it at /, or send authorization: Bearer TOKEN\n",
    );
    expect(refused).toEqual([["somebody", "/api/runs"]]);
  });
});

describe("a gate without a token", () => {
  it("lets everybody through where the server is for other machines", () => {
    const pass = gate(endpoint, {}, () => {});
    expect(pass(request({ host: "evil.example" }), at("/"))).toBeUndefined();
  });

  it("lets names of its own machine through on loopback, and no others", () => {
    const pass = gate({ host: "127.0.0.1", port: 80 }, {}, () => {});
    const status = (headers: Record<string, string>) => pass(request(headers), at("/"))?.status;
    for (const host of ["localhost", "localhost:80", "127.1.2.3:80", "[::1]:80"]) expect(status({ host }), host).toBeUndefined(); // prettier-ignore
    for (const host of ["", "evil.example:80", "10.0.0.7", "no host", "localhost:80:80"]) expect(status({ host }), host).toBe(421); // prettier-ignore
    expect(status({})).toBe(421);
  });
});
