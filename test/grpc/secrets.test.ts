import { X509Certificate } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { readSecrets } from "../../src/grpc/secrets.ts";
import { temporaryFolder } from "../monitor/fixture.ts";
import { selfSigned } from "./fixture.ts";

const LONG = "0123456789abcdef";

function told(token: string, mode?: number): string[] {
  const texts: string[] = [];
  if (mode === undefined) {
    readSecrets({}, { SCORESTREAM_TOKEN: token }, (text) => texts.push(text));
    return texts;
  }
  const path = join(temporaryFolder(), "token");
  writeFileSync(path, `${token}\n`);
  chmodSync(path, mode);
  readSecrets({ tokenFile: path }, {}, (text) => texts.push(text));
  return texts.map((text) => text.replaceAll(path, "FILE"));
}

it.each([
  [0o644, "warning: --token-file FILE: every user of this machine can read it; make it yours with: chmod 600 FILE"],
  [0o604, "warning: --token-file FILE: every user of this machine can read it; make it yours with: chmod 600 FILE"],
])("a file of a token that every user can read is told of: mode %o", (mode, text) => {
  expect(told(LONG, mode)).toEqual([text]);
});

it.each([0o600, 0o640, 0o400])("a file that its user or group alone can read is not told of: mode %o", (mode) => {
  expect(told(LONG, mode)).toEqual([]);
});

it("a token that can be guessed is told of, wherever it comes from", () => {
  const text = "a token of 15 characters can be guessed; make one with: openssl rand -hex 32";
  expect(told(LONG.slice(1))).toEqual([`warning: SCORESTREAM_TOKEN: ${text}`]);
  expect(told(LONG.slice(1), 0o600)).toEqual([`warning: --token-file FILE: ${text}`]);
  expect(told(LONG)).toEqual([]);
  expect(readSecrets({}, {}, () => expect.unreachable())).toEqual({ insecure: false });
});

it("what is told goes to the error output, once, however often the secrets are read", () => {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  for (const token of ["short-1", "short-22", "short-1"]) readSecrets({}, { SCORESTREAM_TOKEN: token });
  const text = (length: number) =>
    `warning: SCORESTREAM_TOKEN: a token of ${length} characters can be guessed; make one with: openssl rand -hex 32\n`;
  expect(write.mock.calls.flat()).toEqual([text(7), text(8)]);
});

it("a file of authorities without a PEM certificate is refused, since TLS would only pass over it", () => {
  const path = join(temporaryFolder(), "ca");
  const read = (content: string | Uint8Array) => {
    writeFileSync(path, content);
    return readSecrets({ tlsCa: path }, {}).tlsCa;
  };
  const { cert, key } = selfSigned();
  const der = new X509Certificate(cert).raw;
  for (const wrong of ["", key, der, cert.toString().slice(0, 200)]) {
    expect(() => read(wrong)).toThrow(`--tls-ca ${path}: it has no certificate that can be read`);
  }
  const marked = `# ours\r\n${cert.toString().replaceAll("\n", "\r\n")}`;
  expect(String(read(marked))).toBe(marked);
});

it.each(["\n", "\r\n", " \n\n"])("a token may end with %j, and begin with a mark of byte order", (end) => {
  const path = join(temporaryFolder(), "token");
  writeFileSync(path, `\ufeff${LONG}${end}`, { mode: 0o600 });
  expect(readSecrets({ tokenFile: path }, {}).token).toBe(LONG);
});
