import { expect, it } from "vitest";
import { secretOf } from "../../src/base/authorization.ts";

const basic = (text: string) => Buffer.from(text).toString("base64");

it.each([
  ["Bearer secret", "secret"],
  ["bearer secret", "secret"],
  ["BEARER  secret ", "secret"],
  [`Basic ${basic("user:secret")}`, "secret"],
  [`basic ${basic(":a:b")}`, "a:b"],
  [`Basic ${basic("secret")}`, undefined],
  ["secret", undefined],
  ["Bearer", undefined],
  ["Bearer a b", undefined],
  ["Digest secret", undefined],
  ["", undefined],
  [undefined, undefined],
])("finds in %j the secret %j", (header, secret) => expect(secretOf(header)).toBe(secret));
