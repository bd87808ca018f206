/** Certificates and the token: options that several programs share. */
import type { Command } from "commander";

export function addSecurityOptions(command: Command): void {
  command
    .option("--tls-cert <file>", "PEM certificate of this server")
    .option("--tls-key <file>", "PEM key of that certificate")
    .option("--tls-ca <file>", "PEM certificates to trust; default: those of the system")
    .option(
      "--token-file <file>",
      "file with the token that servers require and clients send; or set SCORESTREAM_TOKEN",
    )
    .option("--insecure", "allows other machines without TLS and token");
}

/** The names of a page on loopback. */
export function addHostOption(command: Command): void {
  command.option(
    "--allow-host <name>",
    "name under which browsers reach the page, for example through a proxy; repeatable; default: this machine's name",
    (name: string, names: readonly string[] = []) => [...names, name],
  );
}
