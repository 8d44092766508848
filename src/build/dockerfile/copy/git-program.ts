/**
 * The git program, run so that a repository can do nothing but be fetched: without the settings of the
 * machine and the user, without hooks, filters and helpers, without questions, and with no transport but
 * those over the network. Keys for ssh come from an agent that was given, and from nowhere else.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { throwIfAborted, BivyError, limitExceeded, type Limits } from "../../../base/index.ts";
import { redactCredentials } from "../../../http/index.ts";

export interface GitOptions {
  /** How messages name the repository. */
  readonly subject: string;
  readonly limits: Limits;
  readonly signal?: AbortSignal | undefined;
  readonly sshSocket?: string | undefined;
}

const settings = [
  "protocol.allow=never",
  "protocol.http.allow=always",
  "protocol.https.allow=always",
  "protocol.ssh.allow=always",
  "protocol.git.allow=always",
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.symlinks=true",
  "core.autocrlf=false",
  "core.logAllRefUpdates=false",
  "credential.helper=",
  "advice.detachedHead=false",
  "init.defaultBranch=master",
  "init.templateDir=",
  "gc.auto=0",
  "maintenance.auto=false",
];

/** Variables of the machine that the network needs. */
const passedOn =
  /^(?:(?:https?|no|all)_proxy|HTTPS?_PROXY|NO_PROXY|ALL_PROXY|SSL_CERT_FILE|SSL_CERT_DIR)$/;

/** What git says of a failure is cut to. */
const longestComplaint = 4096;

/** Runs git in a folder and gives what it prints. Errors are `io-failed`, or `file-not-found` without git. */
export async function runGit(
  folder: string,
  words: readonly string[],
  options: GitOptions,
): Promise<string> {
  const { limits, signal, subject } = options;
  const stall = [`http.lowSpeedLimit=1`, `http.lowSpeedTime=${limits["stall-time"]}`];
  const child = spawn(
    "git",
    [...[...settings, ...stall].flatMap((each) => ["-c", each]), ...words],
    { cwd: folder, env: environment(options), stdio: ["ignore", "pipe", "pipe"] },
  );
  const stop = () => void child.kill("SIGKILL");
  signal?.addEventListener("abort", stop);
  if (signal?.aborted === true) stop();
  let excess: BivyError | undefined;
  let printed = "";
  let complaint = "";
  child.stdout.on("data", (chunk: Buffer) => {
    printed += chunk.toString();
    if (printed.length <= limits["document-size"]) return;
    excess ??= limitExceeded("document-size", limits, subject);
    stop();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-longestComplaint);
  });
  try {
    const [code] = (await once(child, "close")) as [number | null];
    throwIfAborted(signal);
    if (excess !== undefined) throw excess;
    if (code === 0) return printed;
  } catch (error) {
    if (error instanceof BivyError) throw error;
    throw notStarted(subject, error as NodeJS.ErrnoException);
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  throw new BivyError("io-failed", `${subject}: git failed: ${reasonOf(complaint)}`, {
    hint: "Check the address, and that you may read the repository; for ssh, pass an agent with --ssh.",
  });
}

function environment({ sshSocket }: GitOptions): NodeJS.ProcessEnv {
  const network = Object.entries(process.env).filter(([name]) => passedOn.test(name));
  const { PATH = "/usr/local/bin:/usr/bin:/bin", SSL_CERT_FILE } = process.env;
  return {
    ...Object.fromEntries(network),
    PATH,
    LC_ALL: "C",
    HOME: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "/bin/false",
    SSH_ASKPASS: "/bin/false",
    GIT_SSH_COMMAND: "ssh -F /dev/null -o BatchMode=yes -o IdentityFile=none",
    ...(sshSocket === undefined ? {} : { SSH_AUTH_SOCK: sshSocket }),
    ...(SSL_CERT_FILE === undefined ? {} : { GIT_SSL_CAINFO: SSL_CERT_FILE }),
  };
}

/** What git says at the end, on one line. */
function reasonOf(complaint: string): string {
  const lines = complaint.split("\n").filter((line) => /^(?:fatal|error|remote): /.test(line));
  const said = (lines.length === 0 ? complaint.trim().split("\n").slice(-1) : lines).join("; ");
  return redactCredentials(said) || "it gave no reason";
}

function notStarted(subject: string, cause: NodeJS.ErrnoException): BivyError {
  return new BivyError(
    "file-not-found",
    `${subject}: the program git is needed, and could not be started (${cause.code ?? cause.message})`,
    { cause, hint: "Install git, or copy the files into the build context." },
  );
}
