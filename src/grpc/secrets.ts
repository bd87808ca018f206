/** Certificates and the token, read from files and the environment. */
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { UsageError } from "../base/errors.ts";
import type { Secrets } from "./security.ts";

/** Options as commander gives them. */
export interface SecurityOptions {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly tokenFile?: string;
  readonly insecure?: boolean;
  readonly allowHost?: readonly string[];
}

function readFile(option: string, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`${option} ${path}: ${(error as Error).message}`, "name a file that can be read", {
      cause: error,
    });
  }
}

/** @throws UsageError for a file without a PEM certificate, which TLS passes over: every connection would fail later. */
function readAuthority(option: string, path: string | undefined): Buffer | undefined {
  const bytes = readFile(option, path);
  if (bytes === undefined) return undefined;
  try {
    if (!bytes.includes("-----BEGIN ")) throw new Error("no PEM");
    new X509Certificate(bytes);
    return bytes;
  } catch (error) {
    throw new UsageError(
      `${option} ${path}: it has no certificate that can be read (${(error as Error).message})`,
      "give a file of PEM certificates; openssl x509 -inform der -in FILE makes one of a DER file",
      { cause: error },
    );
  }
}

/** @throws UsageError for what no header can carry. */
function checkToken(source: string, text: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]{1,4096}$/.test(token)) return token;
  throw new UsageError(
    `${source}: a token must be one word of ASCII characters`,
    "make one with: openssl rand -hex 32",
  );
}

/** Characters of a token that nobody guesses: 64 bits, where it is hexadecimal. */
const GUESSED = 16;
/** Bit of a file's mode: every user may read it. */
const READ_BY_ALL = 0o004;

/** Says how a token could come to others. */
function weaknesses(source: string, token: string, file: string | undefined): string[] {
  const short =
    token.length < GUESSED
      ? [
          `warning: ${source}: a token of ${token.length} characters can be guessed; make one with: openssl rand -hex 32`,
        ]
      : [];
  const open =
    file !== undefined && process.platform !== "win32" && (statSync(file).mode & READ_BY_ALL) !== 0
      ? [`warning: ${source}: every user of this machine can read it; make it yours with: chmod 600 ${file}`]
      : [];
  return [...short, ...open];
}

const toldOf = new Set<string>();
/** Writes a warning once: several options read the same secrets. */
function tellOnce(text: string): void {
  if (!toldOf.has(text)) process.stderr.write(`${text}\n`);
  toldOf.add(text);
}

/**
 * Reads what the options name.
 *
 * @param tell Told of a token that can be guessed, and of a file of it that every user can read.
 * @throws UsageError when it cannot be read.
 */
export function readSecrets(
  options: SecurityOptions,
  env: NodeJS.ProcessEnv,
  tell: (text: string) => void = tellOnce,
): Secrets {
  const tlsCert = readFile("--tls-cert", options.tlsCert);
  const tlsKey = readFile("--tls-key", options.tlsKey);
  const tlsCa = readAuthority("--tls-ca", options.tlsCa);
  const file = readFile("--token-file", options.tokenFile);
  const variable = env["SCORESTREAM_TOKEN"];
  const token = file
    ? checkToken(`--token-file ${options.tokenFile}`, file.toString())
    : variable
      ? checkToken("SCORESTREAM_TOKEN", variable)
      : undefined;
  const source = file ? `--token-file ${options.tokenFile}` : "SCORESTREAM_TOKEN";
  if (token !== undefined) weaknesses(source, token, options.tokenFile).forEach(tell);
  return {
    ...(tlsCert && { tlsCert }),
    ...(tlsKey && { tlsKey }),
    ...(tlsCa && { tlsCa }),
    ...(token !== undefined && { token, tokenFromFile: file !== undefined }),
    insecure: options.insecure ?? false,
    ...(options.allowHost && { hosts: options.allowHost.map((name) => name.toLowerCase()) }),
  };
}
