/** Bench build: the image of Alpine's 3.19 root, 15 packages, beside `apk add --root` and tar. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { race, type Contender } from "./race.ts";
import {
  rootKey,
  rootRepository,
  whyNoReference,
  withReference,
  type Reference,
} from "./reference.ts";
import type { Benchmark } from "./report.ts";
import { bivy } from "./start-up.ts";

/** The world of Alpine's own minirootfs. */
const world = ["alpine-baselayout", "alpine-keys", "apk-tools", "busybox", "libc-utils"];

export const benchmark: Benchmark = {
  name: "build",
  summary: "whole process: the 3.19 root of 15 signed packages, with their scripts, as an image",
  run() {
    const reason = whyNoReference();
    if (reason !== undefined) return { skipped: reason };
    return withReference((reference, folder) => {
      const apk = (name: string, compress: string) =>
        installAndPack(name, reference, folder, compress);
      const image = (name: string, ...flags: string[]) => buildImage(name, folder, flags);
      const measured = race(
        [
          apk("apk add, tar", ""),
          image("bivy build --compression none", "--compression", "none"),
          apk("apk add, tar, gzip -6", "| gzip -6 -n"),
          image("bivy build --compression gzip", "--compression", "gzip"),
          image(
            "bivy build --compression none --no-scripts",
            "--compression",
            "none",
            "--no-scripts",
          ),
        ],
        15,
      );
      return {
        measured,
        comparisons: [
          { name: "bivy build --compression none", peer: "apk add, tar" },
          { name: "bivy build --compression gzip", peer: "apk add, tar, gzip -6" },
        ],
        notes: [
          "apk's side ends with a tar; bivy's with an OCI layout, whose digests are computed and whose packages were verified file by file.",
        ],
      };
    });
  },
};

function installAndPack(
  name: string,
  reference: Reference,
  folder: string,
  compress: string,
): Contender {
  const target = join(reference.root, "new");
  const output = join(folder, "root.tar");
  cpSync(rootRepository, join(reference.root, "packages"), { recursive: true });
  const flags = ["--initdb", "--arch", "x86_64", "--no-network", "--quiet"];
  const from = ["--root", "/new", "--repository", "/packages"];
  const add = reference.apk("add", ...flags, ...from, ...world);
  const script = `"$@" && tar -C ${quote(target)} -cf - . ${compress} > ${quote(output)}`;
  return {
    name,
    command: ["sh", "-c", script, "sh", ...add],
    prepare() {
      rmSync(target, { recursive: true, force: true });
      rmSync(output, { force: true });
      mkdirSync(join(target, "etc/apk/keys"), { recursive: true });
      cpSync(rootKey, join(target, "etc/apk/keys", basename(rootKey)));
    },
  };
}

function buildImage(name: string, folder: string, flags: readonly string[]): Contender {
  const config = join(folder, "image.yaml");
  const output = join(folder, "image");
  writeFileSync(
    config,
    JSON.stringify({
      contents: { build_repositories: [rootRepository], keyring: [rootKey], packages: world },
      archs: ["x86_64"],
    }),
  );
  return {
    name,
    command: [process.execPath, bivy, "build", config, "--quiet", "-o", `oci:${output}`, ...flags],
    environment: {
      XDG_CACHE_HOME: join(folder, "cache"),
      XDG_DATA_HOME: join(folder, "data"),
      XDG_CONFIG_HOME: join(folder, "config"),
    },
    prepare: () => rmSync(output, { recursive: true, force: true }),
  };
}

function quote(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
