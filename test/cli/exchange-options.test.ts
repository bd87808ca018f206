import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { describe, expect, it } from "vitest";
import { parseExchange } from "../../src/cli/exchange-options.ts";
import { temporaryFolder } from "./fixture.ts";

const TOKEN = "a-token-that-is-long-enough-to-be-one";

/** An authority is read when the options are. */
const ca = rootCertificates[0]!;

/** The options that name the files, of which only those that are wanted are given. */
function secrets(...wanted: ("tlsCa" | "tlsCert" | "tlsKey")[]) {
  const folder = temporaryFolder();
  const files = wanted.map((name) => {
    writeFileSync(join(folder, name), name === "tlsCa" ? ca : name, { mode: 0o600 });
    return [name, join(folder, name)] as const;
  });
  return Object.fromEntries(files);
}
const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();
const targets = (options: object) => parseExchange(options, { SCORESTREAM_TOKEN: TOKEN }, "train")!;
const other = { host: "10.0.0.1", port: 1 };

describe("certificates of the nodes", () => {
  it("are shown to each other where a node has both, and what they are signed by", () => {
    const { security, securityOf } = targets({ listen: "0.0.0.0:1", ...secrets("tlsCa", "tlsCert", "tlsKey") });
    expect(text(security.tls!.clientCa)).toBe(ca);
    expect(text(security.tls!.cert)).toBe("tlsCert");
    const { tls } = securityOf(other);
    expect([text(tls!.ca), text(tls!.own!.cert), text(tls!.own!.key)]).toEqual([ca, "tlsCert", "tlsKey"]);
  });

  it("are asked for by the server alone without what they are signed by", () => {
    const { security, securityOf } = targets({ listen: "0.0.0.0:1", ...secrets("tlsCert", "tlsKey") });
    expect(security.tls).toBeDefined();
    expect(security.tls).not.toHaveProperty("clientCa");
    expect(securityOf(other).tls).not.toHaveProperty("own");
  });

  it("are not shown by a node that has none", () => {
    const { security, securityOf } = targets({ join: "10.0.0.1:1", listen: "127.0.0.1:1", ...secrets("tlsCa") });
    expect(security).not.toHaveProperty("tls");
    expect(text(securityOf(other).tls!.ca)).toBe(ca);
    expect(securityOf(other).tls).not.toHaveProperty("own");
  });
});
