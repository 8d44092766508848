/**
 * Credential helpers: programs `docker-credential-NAME` that keep secrets elsewhere, in a keychain or
 * with a cloud (github.com/docker/docker-credential-helpers). `get` reads a server's name from its
 * standard input and writes JSON; that there is nothing is told by a message and a failure.
 */
import { spawn } from "node:child_process";
import { BivyError } from "../../base/index.ts";
import { credentialOf, type Credential } from "./credential.ts";

export interface HelperOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  /** How long it may take, a question to the user included; default one minute. */
  readonly milliseconds?: number;
}

/** No path and no option: the name comes from a file. */
const nameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const longestOutput = 64 * 1024;
const defaultMilliseconds = 60_000;

/** What a helper knows for a server. Fails with `config-invalid`, which names the helper. */
export async function askHelper(
  name: string,
  server: string,
  options: HelperOptions,
): Promise<Credential | undefined> {
  if (!nameForm.test(name))
    throw new BivyError(
      "config-invalid",
      `credential helper ${JSON.stringify(name.slice(0, 80))}: expected a name of letters, digits, "-", "_" and "."`,
      {
        hint: "It stands in credsStore or credHelpers of a file of credentials: correct it there.",
      },
    );
  const program = `docker-credential-${name}`;
  const { exitCode, output, complaint } = await run(program, server, options);
  if (exitCode !== 0) {
    const text = `${output}\n${complaint}`;
    if (/credentials not found/i.test(text)) return undefined;
    throw helperError(program, `it ended with ${exitCode}${quoted(text)}`);
  }
  let answer: unknown;
  try {
    answer = JSON.parse(output);
  } catch {
    // What was found instead may be the secret.
    throw helperError(program, "expected JSON from it");
  }
  const { Username: user, Secret: secret } = (answer ?? {}) as Record<string, unknown>;
  if (typeof user !== "string" || typeof secret !== "string")
    throw helperError(program, "expected Username and Secret from it");
  return user === "" && secret === "" ? undefined : credentialOf(user, secret, program);
}

interface Outcome {
  readonly exitCode: number;
  readonly output: string;
  readonly complaint: string;
}

function run(program: string, server: string, options: HelperOptions): Promise<Outcome> {
  const { environment, signal, milliseconds = defaultMilliseconds } = options;
  return new Promise((resolve, reject) => {
    // Without a shell, and with nothing from outside among its arguments.
    const child = spawn(program, ["get"], { env: environment, stdio: "pipe" });
    const kill = (error: BivyError): void => {
      child.kill("SIGKILL");
      // What it has started itself may hold these open.
      child.stdout.destroy();
      child.stderr.destroy();
      end();
      reject(error);
    };
    const stop = (problem: string): void => kill(helperError(program, problem));
    const abort = (): void => kill(new BivyError("aborted", `${program}: aborted`));
    const timeout = setTimeout(() => stop(`no answer within ${milliseconds} ms`), milliseconds);
    const end = (): void => {
      clearTimeout(timeout);
      signal?.removeEventListener("abort", abort);
    };
    const collect = (stream: NodeJS.ReadableStream): (() => string) => {
      const parts: Buffer[] = [];
      let size = 0;
      stream.on("data", (chunk: Buffer) => {
        size += chunk.byteLength;
        if (size > longestOutput) stop(`it writes more than ${longestOutput} bytes`);
        else parts.push(chunk);
      });
      return () => Buffer.concat(parts).toString("utf8");
    };
    const output = collect(child.stdout);
    const complaint = collect(child.stderr);
    child.on("error", (error: NodeJS.ErrnoException) =>
      stop(error.code === "ENOENT" ? "there is no such program" : error.message),
    );
    child.on("close", (code, killedBy) => {
      end();
      if (code === null) reject(helperError(program, `it was ended by ${killedBy}`));
      else resolve({ exitCode: code, output: output(), complaint: complaint() });
    });
    // A helper that does not read what it is asked ends on its own terms.
    child.stdin.on("error", () => {});
    child.stdin.end(`${server}\n`);
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted === true) abort();
  });
}

/** The first line of what a helper says, unless it may hold a secret. */
function quoted(text: string): string {
  const line = text.trim().split("\n")[0]!.slice(0, 200);
  return line === "" || /[{}"]/.test(line) ? "" : `: ${line}`;
}

function helperError(program: string, problem: string): BivyError {
  return new BivyError("config-invalid", `credential helper ${program}: ${problem}`, {
    hint: "A file of credentials names it: install it, or log in anew with docker login or podman login.",
  });
}
