/** Secrets and agents of a build, as `--secret` and `--ssh` give them. They are read when a step asks. */
import { spawn } from "node:child_process";
import { chmod, chown, stat } from "node:fs/promises";
import { createServer, connect, type Server } from "node:net";
import { join } from "node:path";
import {
  BivyError,
  encodeText,
  fileError,
  makeScratchFolder,
  readUserFile,
  removeScratchFolder,
} from "../../base/index.ts";
import type { Credentials, SocketAccess } from "../../build/index.ts";

/** BuildKit's limit, in bytes. */
const largestSecret = 500 * 1024;

interface SecretPlace {
  readonly id: string;
  readonly file?: string;
  readonly variable?: string;
}

export interface OpenCredentials extends Credentials {
  close(): Promise<void>;
}

export function openBuildCredentials(
  secrets: readonly string[],
  agents: readonly string[],
  environment: NodeJS.ProcessEnv,
): OpenCredentials {
  const places = new Map(secrets.map(parseSecret).map((place) => [place.id, place]));
  const sockets = new Map(agents.map((word) => parseAgent(word, environment)));
  const opened: { close(): Promise<void> }[] = [];
  return {
    async secret(id) {
      const place = places.get(id);
      return place === undefined ? undefined : readSecret(place, environment);
    },
    async agent(id, access) {
      const source = sockets.get(id);
      if (source === undefined) return undefined;
      const agent = await passOn(await socketOf(source, opened), access);
      opened.push(agent);
      return agent.path;
    },
    async close() {
      for (const each of opened.toReversed()) await each.close();
    },
  };
}

/** `id=ID[,src=FILE][,env=NAME][,type=file|env]`; a word alone is the id. */
function parseSecret(word: string): SecretPlace {
  const fields = new Map<string, string>();
  for (const field of word.split(",")) {
    const equals = field.indexOf("=");
    if (equals === -1 && !word.includes("=")) fields.set("id", field);
    else fields.set(field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1));
  }
  for (const name of fields.keys())
    if (!["id", "src", "source", "env", "type"].includes(name))
      throw secretError(word, `there is no field ${JSON.stringify(name)}`);
  const id = fields.get("id");
  if (id === undefined || id === "") throw secretError(word, "expected an id");
  const source = fields.get("src") ?? fields.get("source");
  const type = fields.get("type");
  if (type !== undefined && type !== "file" && type !== "env")
    throw secretError(word, `expected the type file or env, found ${type}`);
  const variable = fields.get("env") ?? (type === "env" ? (source ?? id) : undefined);
  if (variable !== undefined) return { id, variable };
  return source === undefined ? { id } : { id, file: source };
}

function secretError(word: string, problem: string): BivyError {
  // What follows may be a secret that was typed in place of a file's name.
  return new BivyError("usage", `--secret ${word.split(",", 1)[0]}: ${problem}`, {
    hint: "Write --secret id=NAME,src=FILE or --secret id=NAME,env=VARIABLE.",
  });
}

/** Without a place, a variable of the id's name counts, or else a file of that name. */
async function readSecret(
  { id, file, variable }: SecretPlace,
  environment: NodeJS.ProcessEnv,
): Promise<Uint8Array> {
  const value =
    variable === undefined && file === undefined ? environment[id] : environment[variable ?? ""];
  if (variable !== undefined && value === undefined)
    throw new BivyError("usage", `--secret id=${id}: the variable ${variable} is not set`, {
      hint: `Set it, or name a file: --secret id=${id},src=FILE.`,
    });
  const bytes = value === undefined ? await readUserFile(file ?? id) : encodeText(value);
  if (bytes.byteLength <= largestSecret) return bytes;
  throw new BivyError(
    "usage",
    `--secret id=${id}: expected at most 500 KiB, found ${bytes.byteLength} bytes`,
    {
      hint: "A secret is a key or a token; give larger files with --build-context.",
    },
  );
}

type AgentSource = { readonly socket: string } | { readonly keys: readonly string[] };

/** `ID[=SOCKET|KEY[,KEY]]`; `default` where there is no id. */
function parseAgent(word: string, environment: NodeJS.ProcessEnv): readonly [string, AgentSource] {
  const equals = word.indexOf("=");
  const id = (equals === -1 ? word : word.slice(0, equals)) || "default";
  const paths = equals === -1 ? [] : word.slice(equals + 1).split(",");
  if (paths.length > 0) return [id, { keys: paths }];
  const socket = environment["SSH_AUTH_SOCK"];
  if (socket === undefined || socket === "")
    throw new BivyError("usage", `--ssh ${word}: expected SSH_AUTH_SOCK to be set, and it is not`, {
      hint: `Start an agent (eval "$(ssh-agent)"), or name a key: --ssh ${id}=$HOME/.ssh/id_ed25519.`,
    });
  return [id, { socket }];
}

/** A socket is used as it is; of keys, an agent of ours is made. */
async function socketOf(
  source: AgentSource,
  opened: { close(): Promise<void> }[],
): Promise<string> {
  if ("socket" in source) return source.socket;
  const [first] = source.keys;
  const found = await stat(first!).catch((error: unknown) => {
    throw fileError(error, "reading", first!);
  });
  if (found.isSocket() && source.keys.length === 1) return first!;
  const folder = await makeScratchFolder("agent");
  const socket = join(folder, "agent");
  const agent = spawn("sh", ["-c", untilInputEnds, "sh", "ssh-agent", "-D", "-a", socket], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = new Promise<void>((resolve) => {
    agent.on("close", () => resolve());
    agent.on("error", () => resolve());
  });
  opened.push({
    async close() {
      agent.stdin.destroy();
      await ended;
      await removeScratchFolder(folder);
    },
  });
  await waitForSocket(socket);
  for (const key of source.keys) await addKey(socket, key);
  return socket;
}

/**
 * Runs a program until the pipe to this process is closed, which the kernel does however this process
 * ends. Ctrl-C goes to all processes of a terminal, and must not end the one that waits first.
 */
const untilInputEnds = `trap "" INT TERM HUP; "$@" & read -r _; kill "$!"`;

async function waitForSocket(path: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if ((await stat(path).catch(() => undefined))?.isSocket() === true) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new BivyError("io-failed", "ssh-agent: expected it to start, and it did not", {
    hint: "Install the OpenSSH client, or give the socket of a running agent to --ssh.",
  });
}

function addKey(socket: string, key: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("ssh-add", ["-q", key], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, SSH_AUTH_SOCK: socket, SSH_ASKPASS_REQUIRE: "never" },
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) return resolve();
      reject(
        new BivyError("key-invalid", `--ssh: ${key}: ${said.trim()}`, {
          hint: "Name a private key without a passphrase, or the socket of an agent that has it.",
        }),
      );
    });
  });
}

/** The agent's socket is its user's alone; one of ours passes on what the command's user says to it. */
async function passOn(
  socket: string,
  { uid, gid, mode }: SocketAccess,
): Promise<{ readonly path: string; close(): Promise<void> }> {
  const folder = await makeScratchFolder("agent");
  const path = join(folder, "socket");
  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    const agent = connect({ path: socket, allowHalfOpen: true });
    client.pipe(agent).pipe(client);
    client.on("error", () => agent.destroy());
    agent.on("error", () => client.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.listen(path, resolve);
  });
  server.unref();
  await chmod(path, mode);
  if (uid !== 0 || gid !== 0) await chown(path, uid, gid);
  return {
    path,
    async close() {
      server.close();
      await removeScratchFolder(folder);
    },
  };
}
