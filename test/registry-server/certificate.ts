/** A certificate authority for the tests, and a server's certificate that it signed. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface ServerIdentity {
  /** PEM text of the authority, which a client may trust. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

let identity: ServerIdentity | undefined;

/** For loopback under all its names; made once per process by openssl. */
export function serverIdentity(): ServerIdentity {
  identity ??= makeIdentity();
  return identity;
}

function makeIdentity(): ServerIdentity {
  const folder = mkdtempSync(join(tmpdir(), "bivy-test-"));
  const make = (name: string, words: string) =>
    execFileSync(
      "openssl",
      [
        "req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1".split(" "),
        ["-subj", `/CN=bivy test ${name}`, "-keyout", `${name}.key`, "-out", `${name}.pem`],
        words.split(" "),
      ].flat(),
      { cwd: folder, stdio: "ignore" },
    );
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  try {
    make("authority", "-addext keyUsage=critical,keyCertSign");
    make(
      "server",
      "-CA authority.pem -CAkey authority.key -addext basicConstraints=critical,CA:FALSE " +
        "-addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:127.0.0.2",
    );
    return { ca: read("authority.pem"), cert: read("server.pem"), key: read("server.key") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
