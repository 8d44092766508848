/** The argument of bivy build: an image configuration, or a Dockerfile with its context. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { BivyError, fileError, nearestName, readUserFile } from "../../base/index.ts";

/** A Dockerfile, and what it takes files from. */
export interface DockerfileArgument {
  readonly kind: "dockerfile";
  /** What messages call it. */
  readonly subject: string;
  readonly text: Uint8Array;
  /** Its path, beside which an ignore file of its own may stand; undefined from standard input. */
  readonly path: string | undefined;
  /** The folder of the context; undefined where there is none. */
  readonly folder: string | undefined;
}

export type BuildArgument =
  | { readonly kind: "configuration"; readonly path: string }
  | DockerfileArgument;

const dockerfileNames = ["Dockerfile", "Containerfile", "dockerfile"];
const configurationNames = ["image.yaml", "image.yml", "bivy.yaml", "apko.yaml"];

export async function readBuildArgument(
  argument: string,
  file: string | undefined,
): Promise<BuildArgument> {
  if (argument === "-") return readStandardInput(file);
  const found = await stat(argument).catch(() => undefined);
  if (found === undefined)
    throw new BivyError("file-not-found", `${argument}: no such file or folder`, {
      hint: /\.ya?ml$/.test(argument)
        ? "Name an image configuration, such as image.yaml."
        : "Name the folder of a Dockerfile, or an image configuration such as image.yaml.",
    });
  if (!found.isDirectory())
    return isDockerfileName(argument)
      ? readNamed(file ?? argument, join(argument, ".."))
      : { kind: "configuration", path: argument };
  if (file === "-") return { ...(await readInput("Dockerfile")), folder: argument };
  if (file !== undefined) return readNamed(await locateFile(file, argument), argument);
  const names = new Set(await listFolder(argument));
  const dockerfile = dockerfileNames.find((name) => names.has(name));
  const configuration = configurationNames.find((name) => names.has(name));
  if (dockerfile !== undefined && configuration !== undefined)
    throw new BivyError(
      "usage",
      `${argument}: expected one of ${dockerfile} and ${configuration}, found both`,
      {
        hint: `Say which: bivy build -f ${join(argument, dockerfile)} ${argument}, or bivy build ${join(argument, configuration)}.`,
      },
    );
  if (configuration !== undefined)
    return { kind: "configuration", path: join(argument, configuration) };
  if (dockerfile !== undefined) return readNamed(join(argument, dockerfile), argument);
  const near = nearestName("Dockerfile", names);
  throw new BivyError(
    "file-not-found",
    `${argument}: expected a Dockerfile or image.yaml in this folder, found neither`,
    {
      hint:
        near === undefined
          ? "Name the Dockerfile with -f."
          : `Did you mean ${near}? Name it with -f.`,
    },
  );
}

async function listFolder(path: string): Promise<readonly string[]> {
  return readdir(path).catch((error: unknown) => {
    throw fileError(error, "reading", path);
  });
}

function isDockerfileName(path: string): boolean {
  return /(?:^|\.)(?:docker|container)file(?:$|\.)/i.test(basename(path));
}

/** As docker takes it: from where the user is; or else, since many mean that, from the context. */
async function locateFile(file: string, folder: string): Promise<string> {
  if ((await stat(file).catch(() => undefined)) !== undefined) return file;
  const inside = join(folder, file);
  if ((await stat(inside).catch(() => undefined)) !== undefined) return inside;
  const names = await readdir(join(file, "..")).catch(() => []);
  const near = nearestName(basename(file), names);
  throw new BivyError("file-not-found", `--file ${file}: no such file`, {
    hint: near === undefined ? "Name the Dockerfile." : `Did you mean ${near}?`,
  });
}

async function readNamed(path: string, folder: string): Promise<DockerfileArgument> {
  return { kind: "dockerfile", subject: path, text: await readUserFile(path), path, folder };
}

async function readInput(subject: string): Promise<DockerfileArgument> {
  const parts: Buffer[] = [];
  for await (const chunk of process.stdin) parts.push(chunk as Buffer);
  return {
    kind: "dockerfile",
    subject,
    text: Buffer.concat(parts),
    path: undefined,
    folder: undefined,
  };
}

/** `bivy build - < Dockerfile`: without a context. */
async function readStandardInput(file: string | undefined): Promise<DockerfileArgument> {
  if (file !== undefined && file !== "-")
    throw new BivyError(
      "usage",
      `-: expected the Dockerfile from standard input, found --file ${file} too`,
      {
        hint: "Name the folder of the context in place of -.",
      },
    );
  return readInput("Dockerfile");
}
