/** The real registry: Debian's docker-registry 2.8 on a free port of loopback. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

/** Whom the registry lets in when it asks. */
export const registryUser = { user: "climber", password: "correct horse" };
/** bcrypt of that password, so that no tool is needed to make one. */
const htpasswdEntry = "climber:$2y$05$bivyTestSaltForRegist.pmSTkrfy2tNwkd9A/rAnc1Gqeq0SKdm\n";

export interface DockerRegistry {
  /** Host and port, as in a reference. */
  readonly host: string;
  readonly url: string;
  /** Where it keeps what it has. */
  readonly folder: string;
  /** Requests that it has answered, as `METHOD path?query status`. */
  answered(): string[];
}

export interface DockerRegistryOptions {
  /** Whether it asks for `registryUser`; default false. */
  readonly asksWho?: boolean;
  /** Whether it writes a Location as a path; default false, as a whole URL. */
  readonly relativeUrls?: boolean;
  /** Whether it keeps a log for `answered`; default true. A caller that blocks must not have one. */
  readonly logs?: boolean;
}

/** Runs one until the test ends. */
export async function startDockerRegistry(
  context: Pick<TestContext, "after">,
  options: DockerRegistryOptions = {},
): Promise<DockerRegistry> {
  const folder = mkdtempSync(join(tmpdir(), "bivy-registry-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const passwords = join(folder, "htpasswd");
  writeFileSync(passwords, htpasswdEntry);
  for (let attempt = 1; ; attempt++) {
    const host = `127.0.0.1:${await freePort()}`;
    const file = join(folder, "config.yml");
    const http = { addr: host, relativeurls: options.relativeUrls === true };
    const htpasswd = { realm: "test", path: passwords };
    writeFileSync(
      file,
      JSON.stringify({
        version: "0.1",
        log: { level: "error", accesslog: { disabled: options.logs === false } },
        storage: { filesystem: { rootdirectory: folder }, delete: { enabled: true } },
        http,
        ...(options.asksWho === true ? { auth: { htpasswd } } : {}),
      }),
    );
    const child = spawn("docker-registry", ["serve", file], {
      stdio: ["ignore", options.logs === false ? "ignore" : "pipe", "ignore"],
    });
    let log = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (log += text));
    context.after(() => void child.kill("SIGKILL"));
    // Another process may have taken the port in between.
    if (await isReady(child, `http://${host}/`))
      return {
        host,
        url: `http://${host}`,
        folder,
        answered: () =>
          [...log.matchAll(/"([A-Z]+ \S+) HTTP\/1\.1" (\d+)/g)].map(
            ([, request, status]) => `${request} ${status}`,
          ),
      };
    if (attempt === 3) throw new Error("docker-registry does not start");
  }
}

async function isReady(child: ChildProcess, url: string): Promise<boolean> {
  for (let attempt = 0; attempt < 500 && child.exitCode === null; attempt++) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer !== undefined) return child.exitCode === null;
    await sleep(20);
  }
  return false;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
