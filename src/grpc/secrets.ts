/** Certificates and the token, read from files and the environment. */
import { readFileSync } from "node:fs";
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

/** @throws UsageError for what no header can carry. */
function checkToken(source: string, text: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]{1,4096}$/.test(token)) return token;
  throw new UsageError(
    `${source}: a token must be one word of ASCII characters`,
    "make one with: openssl rand -hex 32",
  );
}

/** Reads what the options name. @throws UsageError when it cannot be read. */
export function readSecrets(options: SecurityOptions, env: NodeJS.ProcessEnv): Secrets {
  const tlsCert = readFile("--tls-cert", options.tlsCert);
  const tlsKey = readFile("--tls-key", options.tlsKey);
  const tlsCa = readFile("--tls-ca", options.tlsCa);
  const file = readFile("--token-file", options.tokenFile);
  const variable = env["SCORESTREAM_TOKEN"];
  const token = file
    ? checkToken(`--token-file ${options.tokenFile}`, file.toString())
    : variable
      ? checkToken("SCORESTREAM_TOKEN", variable)
      : undefined;
  return {
    ...(tlsCert && { tlsCert }),
    ...(tlsKey && { tlsKey }),
    ...(tlsCa && { tlsCa }),
    ...(token !== undefined && { token, tokenFromFile: file !== undefined }),
    insecure: options.insecure ?? false,
    ...(options.allowHost && { hosts: options.allowHost.map((name) => name.toLowerCase()) }),
  };
}
