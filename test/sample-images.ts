/**
 * Sample images: one of every kind that trees are easily got wrong of, written by bivy and by the
 * other tools that write images. Each is made in a folder of the caller's, and named as on the command
 * line (`oci:FOLDER:NAME`…).
 */
import { execFileSync } from "node:child_process";
import { chmodSync, lstatSync, lutimesSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeTar } from "../src/archive/index.ts";
import { fileContent, type Chunks } from "../src/base/index.ts";
import {
  createLayout,
  makeImage,
  openArchive,
  openLayout,
  parseImageLocator,
  parsePlatform,
  selectPlatform,
  writeLayer,
  type BlobStore,
  type Image,
  type Layer,
  type LayerCompression,
} from "../src/oci/index.ts";
import {
  attributes,
  hardLinks,
  linkedParents,
  long,
  range,
  replacements,
  whiteouts,
  type SampleLayers,
} from "./layer-stacks.ts";
import type { Requirements } from "./requirements.ts";
import { sampleItem } from "./sample-layers.ts";

interface SampleMaker {
  readonly needs?: Requirements;
  /** Gives the image's name; `folder` exists and is empty. */
  make(folder: string): Promise<string>;
}

/** Layers of bivy's own writing, in an OCI layout. */
function written(
  layers: SampleLayers,
  compression: LayerCompression | readonly LayerCompression[] = "gzip",
): SampleMaker {
  const compressionOf = (index: number) =>
    typeof compression === "string" ? compression : compression[index % compression.length]!;
  return {
    make: (folder) =>
      writeSampleImage(folder, (store) =>
        Promise.all(
          layers.map((entries, index) =>
            writeLayer(writeTar(entries.map(sampleItem)), store, {
              compression: compressionOf(index),
            }),
          ),
        ),
      ),
  };
}

/** Writes an image of one's own layers into an OCI layout, and gives its name. */
export async function writeSampleImage(
  folder: string,
  write: (store: BlobStore) => Promise<readonly Layer[]>,
): Promise<string> {
  const layout = await createLayout(join(folder, "layout"));
  const layers = await write(layout.blobs);
  const image = makeImage({
    platform: parsePlatform("linux/amd64"),
    config: { Cmd: ["/bin/sh"] },
    layers,
    history: layers.map((_, index) => ({ created_by: `layer ${index}` })),
  });
  await layout.put(image, { name: "sample" });
  return `oci:${layout.path}:sample`;
}

/** A root that other tools make images of. */
function writeRoot(folder: string): string {
  const root = join(folder, "root");
  for (const below of ["etc/empty", "usr/share/doc", "var/tmp"])
    mkdirSync(join(root, below), { recursive: true });
  chmodSync(join(root, "var/tmp"), 0o1777);
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(root, "etc/shadow"), "root:*::0:::::\n", { mode: 0o600 });
  writeFileSync(join(root, `usr/share/doc/${long(180)}`), "a long name\n");
  writeFileSync(join(root, "usr/share/large"), Buffer.alloc(3_000_000, "large"));
  const shell = [
    "ln etc/passwd usr/passwd",
    "ln -s ../etc usr/etc",
    "ln -s /usr/share/doc documents",
    "mknod null c 1 3",
    "mkfifo pipe",
    "chown 3000000:70000 usr/share/large",
    "chown -h 1:2 documents",
  ];
  inShell(root, shell);
  lutimesSync(join(root, "etc/passwd"), 1_234_567_890, 1_234_567_890);
  return root;
}

function inShell(folder: string, commands: readonly string[]): void {
  execFileSync("sh", ["-euc", commands.join("\n")], { cwd: folder, stdio: "pipe" });
}

/** What later steps do to that root: each kind of change. */
const changes = [
  [
    "echo changed > etc/shadow",
    "rm usr/share/doc/*",
    "rm -r etc/empty",
    "mkdir etc/new",
    "echo new > etc/new/file",
    "ln etc/new/file etc/new/link",
    "ln usr/share/large usr/share/larger",
    "chmod 700 var/tmp",
  ],
  ["rm usr/etc", "mkdir usr/etc", "echo own > usr/etc/own", "rm -r etc/new", "echo file > etc/new"],
];

const umociMade: SampleMaker = {
  needs: { tools: ["umoci"], root: true },
  async make(folder) {
    const image = `${folder}/layout:sample`;
    const umoci = (...words: string[]) => execFileSync("umoci", words, { stdio: "pipe" });
    umoci("init", "--layout", join(folder, "layout"));
    umoci("new", "--image", image);
    for (const [index, step] of [[], ...changes].entries()) {
      const bundle = join(folder, `bundle-${index}`);
      umoci("unpack", "--image", image, bundle);
      const rootfs = join(bundle, "rootfs");
      if (index === 0) inShell(rootfs, [`cp -a ${writeRoot(folder)}/. .`]);
      else inShell(rootfs, step);
      umoci("repack", "--image", image, bundle);
      rmSync(bundle, { recursive: true });
    }
    return `oci:${image}`;
  },
};

/** A Dockerfile of COPY alone, since nothing can run in an empty image. */
const dockerfile = [
  "FROM scratch",
  "COPY root /",
  "COPY --chown=3000000:3000001 root/etc/passwd /etc/",
  "COPY root/usr/share/large /var/",
  "COPY root/etc /usr/etc2/",
  "ENV SAMPLE=1",
];

/** Builds with buildah, and writes the image with `save`. */
function buildahMade(
  driver: "vfs" | "overlay",
  save: (storage: readonly string[], folder: string) => readonly [readonly string[], string],
  tools: readonly string[] = [],
): SampleMaker {
  return {
    needs: { tools: ["buildah", ...tools], root: true },
    async make(folder) {
      writeRoot(folder);
      writeFileSync(join(folder, "Dockerfile"), dockerfile.join("\n"));
      const storage = ["--storage-driver", driver, "--root", join(folder, "storage")].concat(
        "--runroot",
        join(folder, "run"),
      );
      const run = ([command, ...words]: readonly string[]) =>
        execFileSync(command!, words, { stdio: "pipe" });
      run([
        "buildah",
        ...storage,
        "bud",
        "--isolation",
        "chroot",
        "--layers",
        "-q",
        "-t",
        "sample",
        folder,
      ]);
      const [command, name] = save(storage, folder);
      run(command);
      return name;
    },
  };
}

const pushToLayout = (storage: readonly string[], folder: string) => {
  const name = `oci:${folder}/layout:sample`;
  return [["buildah", ...storage, "push", "-q", "sample", name], name] as const;
};
const podmanSave = (format: string) => (storage: readonly string[], folder: string) => {
  const file = join(folder, "saved.tar");
  const command = ["podman", ...storage, "save", "-q", "--format", format, "-o", file, "sample"];
  return [command, `${format}:${file}`] as const;
};

/** Layers by GNU tar, in the format that it writes unless told, and in POSIX's. */
const gnuTarMade: SampleMaker = {
  needs: { tools: ["tar"], root: true },
  make: (folder) =>
    writeSampleImage(folder, async (store) => {
      const root = writeRoot(folder);
      const layers: Layer[] = [];
      for (const format of ["gnu", "posix"]) {
        const file = join(folder, `${format}.tar`);
        const words = ["-C", root, `--format=${format}`, "-cf", file, "."];
        execFileSync("tar", words, { stdio: "pipe" });
        layers.push(await writeLayer(wholeFile(file), store));
        inShell(root, ["ln -f etc/shadow etc/shadow-", "echo more >> etc/passwd", "rm -f pipe"]);
      }
      return layers;
    }),
};

function wholeFile(path: string): Chunks {
  return fileContent(path, lstatSync(path).size).chunks();
}

const makers = {
  attributes: written(attributes),
  "hard-links": written(hardLinks),
  whiteouts: written(whiteouts),
  "linked-parents": written(linkedParents),
  replacements: written(replacements),
  zstd: written([...attributes, ...hardLinks], "zstd"),
  "all-compressions": written(whiteouts, ["none", "zstd", "gzip"]),
  /** The lowest layer stands once more above one that undoes it, and twice in a row on top. */
  "repeated-layer": written(
    [0, 1, 0, 2, 2].map(
      (index) => [whiteouts[0]!, [".wh.gone", "opaque/.wh..wh..opq"], whiteouts[1]!][index]!,
    ),
  ),
  "many-layers": written(
    range(300).map((index) => [
      `layer-${index % 50}=${index}`,
      `all/${index}=`,
      ...(index % 7 === 3 ? [`all/.wh.${index - 2}`] : []),
    ]),
  ),
  "gnu-tar": gnuTarMade,
  umoci: umociMade,
  "buildah-vfs": buildahMade("vfs", pushToLayout),
  "buildah-overlay": buildahMade("overlay", pushToLayout),
  "podman-docker-archive": buildahMade("vfs", podmanSave("docker-archive"), ["podman"]),
  "podman-oci-archive": buildahMade("vfs", podmanSave("oci-archive"), ["podman"]),
} satisfies Readonly<Record<string, SampleMaker>>;

export type SampleKind = keyof typeof makers;

export const sampleKinds = Object.keys(makers) as readonly SampleKind[];

/** What making a sample needs of the machine. */
export function sampleNeeds(kind: SampleKind): Requirements {
  return (makers[kind] as SampleMaker).needs ?? {};
}

/** Makes an image in a folder, which is made too, and gives its name. */
export async function makeSampleImage(kind: SampleKind, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  return makers[kind].make(folder);
}

/** The image that such a name names. */
export async function openSampleImage(name: string): Promise<Image> {
  const locator = parseImageLocator(name);
  if (!("path" in locator)) throw new Error(`${name}: expected oci: or an archive`);
  const place = await (locator.kind === "oci" ? openLayout : openArchive)(locator.path);
  return selectPlatform(await place.open("name" in locator ? locator.name : undefined));
}
