/** The header `authorization` of HTTP and gRPC. */

/**
 * The secret in it: of "Bearer TOKEN" the token, of "Basic BASE64" the password, whatever the name of the user. The
 * scheme is read without regard to case.
 *
 * @returns Undefined for any other header.
 * @see RFC 9110, section 11; RFC 6750; RFC 7617
 */
export function secretOf(header: string | undefined): string | undefined {
  const [, scheme = "", value = ""] = /^([\w-]+) +(\S+) *$/.exec(header ?? "") ?? [];
  if (scheme.toLowerCase() === "bearer") return value;
  if (scheme.toLowerCase() !== "basic") return undefined;
  const text = Buffer.from(value, "base64").toString("utf8");
  return text.includes(":") ? text.slice(text.indexOf(":") + 1) : undefined;
}
