/** Certificates and the token: options that several programs share. */
import type { Command } from "commander";

export function addSecurityOptions(command: Command): void {
  command
    .option("--tls-cert <file>", "PEM certificate to listen with")
    .option("--tls-key <file>", "its key")
    .option("--tls-ca <file>", "PEM certificates to trust when connecting; default: the system's")
    .option("--token-file <file>", "the token that is asked for and sent; also SCORESTREAM_TOKEN")
    .option("--insecure", "no TLS and no token needed beyond this machine");
}
