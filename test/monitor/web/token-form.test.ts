import { describe, expect, it } from "vitest";
import { webRun } from "./fixture.ts";

describe("a page with a token", () => {
  it("takes the token from the posted form, and says when it is wrong", async () => {
    const { get } = await webRun([], { security: { token: "a-secret" } });
    const post = (body: string, headers = {}) => get("/", { method: "POST", body: new URLSearchParams(body), headers });
    const wrong = await post("token=guess");
    expect(wrong.status).toBe(401);
    expect(await wrong.text()).toContain('role="alert">This is not the token.');
    expect(await (await get("/")).text()).not.toContain("alert");
    const entered = await post("token=a-secret");
    expect([entered.status, entered.headers.get("location")]).toEqual([303, "./"]);
    const [cookie] = entered.headers.get("set-cookie")!.split(";");
    expect((await get("/api/runs", { headers: { cookie: cookie! } })).status).toBe(200);
    expect((await post("", { cookie: cookie! })).status).toBe(303);
    const large = await post(`token=${"x".repeat(20_000)}`);
    expect([large.status, await large.text()]).toEqual([400, "the form is too large\n"]);
  });

  it("is not entered by an address, and says why", async () => {
    const { get, told } = await webRun([], { security: { token: "a-secret" } });
    const asked = await get("/?token=a-secret");
    expect([asked.status, asked.headers.get("set-cookie")]).toEqual([401, null]);
    expect(await asked.text()).toContain("not taken from an address");
    expect(told.join()).not.toContain("a-secret");
  });

  it("keeps the cookie to the path that a proxy serves it under, if that is one", async () => {
    const { get } = await webRun([], { security: { token: "a-secret" } });
    const path = async (prefix: string) =>
      /Path=([^;]*)/.exec(
        (await get("/", { method: "POST", body: new URLSearchParams("token=a-secret"), headers: { "x-forwarded-prefix": prefix } })).headers.get("set-cookie")!, // prettier-ignore
      )![1];
    expect(await path("/scorestream")).toBe("/scorestream");
    expect(await path("/a/b-c.d/")).toBe("/a/b-c.d");
    for (const odd of ["", "/", "//", "a", "/a; Domain=evil", "/a, /b"]) expect(await path(odd), odd).toBe("/");
  });

  it("marks the cookie for TLS where a proxy ends it", async () => {
    const { get } = await webRun([], { security: { token: "a-secret" } });
    const post = (headers: Record<string, string>) => get("/", { method: "POST", body: new URLSearchParams("token=a-secret"), headers }); // prettier-ignore
    const cookie = async (proto: string) => (await post({ "x-forwarded-proto": proto })).headers.get("set-cookie");
    expect(await cookie("https")).toMatch(/; Secure$/);
    expect(await cookie("https, http")).toMatch(/; Secure$/);
    expect(await cookie("http")).toMatch(/; Path=\/$/);
  });
});
