/** Real proxies in front of a monitor, with the configurations of `deploy/`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../src/grpc/free-port.ts";

/** Addresses of a monitor, and a certificate for the proxy's name. */
export interface Behind {
  readonly grpc: number;
  readonly web: number;
  readonly certificate: { readonly cert: string; readonly key: string };
}

const deployed = (path: string) => readFileSync(new URL(`../../deploy/${path}`, import.meta.url), "utf8");

/** Puts the test's addresses in place of the deployed ones. @throws Error where one is not there any more. */
function adapted(text: string, changes: readonly (readonly [string, string])[]): string {
  return changes.reduce((all, [from, to]) => {
    if (!all.includes(from)) throw new Error(`the configuration has no ${from}`);
    return all.replaceAll(from, to);
  }, text);
}

const programs = {
  nginx: {
    file: "/usr/sbin/nginx",
    package: "nginx-light",
    /** Around the deployed server a second one as plain as guides have it, at the next port. */
    configuration(folder: string, port: number, plainPort: number, { grpc, web, certificate }: Behind) {
      const server = adapted(deployed("nginx/scorestream.conf"), [
        ["listen 443 ssl http2", `listen 127.0.0.1:${port} ssl http2`],
        ["/etc/ssl/certs/runs.example.org.pem", certificate.cert],
        ["/etc/ssl/private/runs.example.org.key", certificate.key],
        ["127.0.0.1:8080", `127.0.0.1:${web}`],
        ["127.0.0.1:50051", `127.0.0.1:${grpc}`],
      ]);
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${join(folder, name)};`); // prettier-ignore
      const plain = `server { listen 127.0.0.1:${plainPort}; location / { proxy_pass http://127.0.0.1:${web}; } }`;
      return `daemon off; user root; pid ${join(folder, "pid")}; events {}
        http { access_log ${join(folder, "access.log")}; ${temporary.join(" ")} ${server} ${plain} }`;
    },
    arguments: (file: string, folder: string) => ["-c", file, "-e", join(folder, "error.log")],
  },
  haproxy: {
    file: "/usr/sbin/haproxy",
    package: "haproxy",
    configuration(folder: string, port: number, plainPort: number, { grpc, web, certificate }: Behind) {
      const pem = join(folder, "both.pem");
      writeFileSync(pem, readFileSync(certificate.cert, "utf8") + readFileSync(certificate.key, "utf8"));
      const deployedText = adapted(deployed("haproxy/scorestream.cfg"), [
        ["mode http\n", "mode http\n  log global\n  option httplog\n"],
        ["bind :443 ssl", `bind 127.0.0.1:${port} ssl`],
        ["/etc/haproxy/runs.example.org.pem", pem],
        ["127.0.0.1:8080", `127.0.0.1:${web}`],
        ["127.0.0.1:50051", `127.0.0.1:${grpc}`],
      ]);
      return `global\n  log stdout format raw local0\n${deployedText}
listen plain\n  bind 127.0.0.1:${plainPort}\n  server page 127.0.0.1:${web}\n`;
    },
    arguments: (file: string) => ["-db", "-f", file],
  },
} as const;
export type ProxyName = keyof typeof programs;

const answers = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
    socket.on("close", () => socket.destroy());
    setTimeout(() => socket.destroy(), 500).unref();
  });

/** Starts a proxy; fails where the program is not installed. */
export async function startProxy(name: ProxyName, behind: Behind) {
  const program = programs[name];
  if (!existsSync(program.file)) throw new Error(`there is no ${name} at ${program.file}: apt-get install ${program.package}`); // prettier-ignore
  const folder = mkdtempSync(join(tmpdir(), `scorestream-${name}-`));
  const [tls, plain] = await Promise.all([freePort(), freePort()]);
  const file = join(folder, "configuration");
  writeFileSync(file, program.configuration(folder, tls.port, plain.port, behind));
  await Promise.all([tls.release(), plain.release()]);
  const child = spawn(program.file, program.arguments(file, folder), { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += String(text)));
  const ended = once(child, "exit");
  for (let i = 0; !(await answers(plain.port)); i++) {
    if (child.exitCode !== null || i > 100) throw new Error(`${name} does not start: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const logs = () =>
    [said, ...["access.log", "error.log"].map((log) => join(folder, log)).filter(existsSync).map((log) => readFileSync(log, "utf8"))].join("\n"); // prettier-ignore
  return {
    port: tls.port,
    plainPort: plain.port,
    /** All that it has logged. */
    logs,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
