/**
 * Bench dockerfile: a Dockerfile of 12 steps on Alpine, cold, fully cached, and with one file of the
 * context changed, and a context of 50,000 files, beside buildah; and bivy's peak memory.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { createLayout, makeImage, parsePlatform, writeLayer } from "../src/oci/index.ts";
import { findTool } from "../test/requirements.ts";
import { outputOf, race, type Contender } from "./race.ts";
import { minirootfs, rootKey, stubRepository, whyNoReference } from "./reference.ts";
import type { Benchmark } from "./report.ts";
import { bivy } from "./start-up.ts";

const dockerfile = `FROM alpine AS build
WORKDIR /src
COPY repository /repository
RUN cp /repository/*.rsa.pub /etc/apk/keys/ && echo /repository/main > /etc/apk/repositories
RUN apk add --no-network --no-cache gcc make
COPY source /src
RUN mkdir -p /out && for f in *; do tr a-z A-Z < "$f" > "/out/$f"; done
FROM alpine
RUN --mount=type=bind,from=build,source=/repository,target=/repository cp /repository/*.rsa.pub /etc/apk/keys/ && echo /repository/main > /etc/apk/repositories && apk add --no-network --no-cache curl python3
RUN adduser -D app
WORKDIR /home/app
COPY --from=build --chown=app /out ./out
COPY settings.txt .
RUN find . -type f | sort > list.txt
USER app
CMD ["python3"]
`;

const manyDockerfile = `FROM alpine
COPY . /files
RUN ls /files | head > /list
`;
const manyFiles = 50_000;

export const benchmark: Benchmark = {
  name: "dockerfile",
  summary: "whole process: build a Dockerfile of 12 steps, cold, cached, and with one file changed",
  async run() {
    const missing = ["buildah", "skopeo"].find((tool) => findTool(tool) === undefined);
    if (missing !== undefined) return { skipped: `${missing} is not installed` };
    const reason = whyNoReference();
    if (reason !== undefined) return { skipped: reason };
    const folder = mkdtempSync(join(tmpdir(), "bivy-bench-"));
    try {
      return await compare(folder);
    } finally {
      spawnSync("umount", ["-l", join(folder, "buildah", "overlay")]);
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function compare(folder: string) {
  const base = join(folder, "base");
  await writeBase(base);
  const context = writeContext(join(folder, "context"));
  const many = writeManyFiles(join(folder, "many"));
  const own = (name: string, from: string, more: readonly string[] = []): Contender => ({
    name,
    command: `${process.execPath} ${bivy} build --quiet -t bench`
      .split(" ")
      .concat("--build-context", `alpine=oci-layout://${base}`, more, from),
    environment: { XDG_CACHE_HOME: join(folder, "cache"), XDG_DATA_HOME: join(folder, "data") },
  });
  const store = ["--root", join(folder, "buildah"), "--runroot", join(folder, "run")];
  const peer = (name: string, from: string, more: readonly string[] = []): Contender => ({
    name,
    command: ["buildah", "--storage-driver", "overlay", ...store].concat(
      "build --quiet --layers --isolation chroot -t bench".split(" "),
      more,
      from,
    ),
  });
  const place = `[overlay@${join(folder, "buildah")}+${join(folder, "run")}]`;
  const target = `containers-storage:${place}docker.io/library/alpine:latest`;
  outputOf({
    name: "skopeo",
    command: ["skopeo", "copy", "--quiet", `oci:${base}:latest`, target],
  });
  let change = 0;
  const changing = (): void =>
    writeFileSync(join(context, "settings.txt"), `changed ${(change += 1)}\n`);
  const clear = (): void => {
    for (const name of ["cache", "data"])
      rmSync(join(folder, name), { recursive: true, force: true });
  };
  const cold = race(
    [
      peer("buildah: cold", context, ["--no-cache"]),
      { ...own("bivy: cold", context), prepare: clear },
    ],
    5,
  );
  const warm = race([peer("buildah: cached", context), own("bivy: cached", context)], 9);
  const changed = race(
    [
      { ...peer("buildah: one file changed", context), prepare: changing },
      { ...own("bivy: one file changed", context), prepare: changing },
    ],
    7,
  );
  const wide = race(
    [
      peer("buildah: 50,000 files, cold", many, ["--no-cache"]),
      { ...own("bivy: 50,000 files, cold", many), prepare: clear },
    ],
    1,
  );
  const wideCached = race(
    [peer("buildah: 50,000 files, cached", many), own("bivy: 50,000 files, cached", many)],
    3,
  );
  clear();
  const memory = peakMemory(own("bivy", many));
  const goals = [
    ["cold", 0.7],
    ["cached", 0.2],
    ["one file changed", 0.5],
    ["50,000 files, cold", undefined],
    ["50,000 files, cached", undefined],
  ] as const;
  return {
    measured: new Map([...cold, ...warm, ...changed, ...wide, ...wideCached]),
    comparisons: goals.map(([what, goal]) => ({
      name: `bivy: ${what}`,
      peer: `buildah: ${what}`,
      ...(goal === undefined ? {} : { goal }),
    })),
    notes: [`Peak memory of bivy with 50,000 files: ${memory} MB (goal: below 300 MB).`],
  };
}

async function writeBase(folder: string): Promise<void> {
  const layout = await createLayout(folder);
  const layer = await writeLayer([gunzipSync(readFileSync(minirootfs))], layout.blobs);
  const image = makeImage({
    platform: parsePlatform("linux/amd64"),
    config: {
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      Cmd: ["/bin/sh"],
    },
    layers: [layer],
    history: [{ created_by: "minirootfs" }],
    created: 1_700_000_000,
  });
  await layout.put(image, { name: "latest" });
}

function writeContext(folder: string): string {
  mkdirSync(join(folder, "source"), { recursive: true });
  for (let index = 0; index < 100; index += 1)
    writeFileSync(join(folder, "source", `file-${index}.txt`), `content ${index}\n`.repeat(200));
  cpSync(stubRepository, join(folder, "repository/main"), { recursive: true });
  cpSync(rootKey, join(folder, "repository", basename(rootKey)));
  writeFileSync(join(folder, "settings.txt"), "one\n");
  writeFileSync(join(folder, "Dockerfile"), dockerfile);
  return folder;
}

function writeManyFiles(folder: string): string {
  for (let index = 0; index < manyFiles; index += 1) {
    const place = join(folder, `folder-${index % 100}`);
    if (index < 100) mkdirSync(place, { recursive: true });
    writeFileSync(join(place, `file-${index}.txt`), `content ${index}\n`.repeat(20));
  }
  writeFileSync(join(folder, "Dockerfile"), manyDockerfile);
  return folder;
}

/** Of all its processes, the largest, in MB. */
function peakMemory({ command, environment }: Contender): string {
  const words = ["-f", "%M", ...command];
  const { stderr, status, error } = spawnSync("/usr/bin/time", words, {
    env: { ...process.env, ...environment },
    encoding: "utf8",
  });
  if (error !== undefined || status !== 0) return "not measured";
  return (Number(stderr.trim().split("\n").at(-1)) / 1000).toFixed(0);
}
