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

  it("marks the cookie for TLS where a proxy ends it", async () => {
    const { get } = await webRun([], { security: { token: "a-secret" } });
    const cookie = async (proto: string) =>
      (await get("/?token=a-secret", { headers: { "x-forwarded-proto": proto } })).headers.get("set-cookie");
    expect(await cookie("https")).toMatch(/; Secure$/);
    expect(await cookie("https, http")).toMatch(/; Secure$/);
    expect(await cookie("http")).toMatch(/; SameSite=Strict$/);
  });
});
