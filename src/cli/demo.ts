/** bivy demo: the whole way from a key to an image, without network or rights, in a few seconds. */
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import type { Access } from "../apk/index.ts";
import type { BuildResult, ImageConfig } from "../build/index.ts";
import {
  BivyError,
  defaultLimits,
  isBivyError,
  makeScratchFolder,
  removeScratchFolder,
  type EventSink,
} from "../base/index.ts";
import { demoFolder, openDemoRepository, type DemoRepository } from "./demo-repository.ts";
import { paint, printResult } from "./term/streams.ts";

export function configure(command: Command): void {
  command
    .description(
      "Makes a key, packs and signs a few packages, serves them on loopback, builds an image from them twice, shows each verified link, and shows that a changed byte is caught.",
    )
    .option("--keep <DIR>", "where the image is left (default: a new temporary folder)")
    .action((flags: { keep?: string }) => demo(flags.keep));
}

async function demo(keep: string | undefined): Promise<void> {
  const started = performance.now();
  const scratch = await makeScratchFolder("demo");
  const repository = await openDemoRepository();
  try {
    title("1. A key, and packages signed with it, served on loopback");
    printResult(`  key      ${repository.keyName}`);
    for (const { package: each } of repository.packages)
      printResult(`  package  ${each.name}-${each.version}  ${each.identity}`);
    printResult(`  served   ${repository.url}`);

    title("2. An image for two architectures, each link verified as it is used");
    const first = await buildOnce(repository, join(scratch, "first"), printLink);

    title("3. The same again, with an empty cache");
    const second = await buildOnce(repository, join(scratch, "second"), () => {});
    printResult(`  first    ${first.image.digest}`);
    printResult(`  second   ${second.image.digest}`);
    if (first.image.digest !== second.image.digest)
      throw new BivyError(
        "digest-mismatch",
        "two builds of the same packages gave different images",
      );
    printResult(`  ${paint("green", "the same, byte for byte")}`);

    title("4. One byte of one package changed on the way");
    printResult(`  ${await showTampering(repository, join(scratch, "third"))}`);

    const folder = keep ?? (await mkdtemp(join(tmpdir(), "bivy-demo-")));
    await leaveImage(first, folder);
    printResult(`\nDone in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
  } finally {
    await repository.close();
    await removeScratchFolder(scratch);
  }
}

function title(text: string): void {
  printResult(`\n${paint("bold", text)}`);
}

const printLink: EventSink = (event) => {
  if (event.type === "verified")
    printResult(
      `  ${paint("green", "verified")} ${event.link.padEnd(8)} ${event.subject}: ${event.detail}`,
    );
};

async function demoConfig(repository: DemoRepository, keyFile: string): Promise<ImageConfig> {
  const { parseImageConfig } = await import("../build/index.ts");
  const path = join(demoFolder, "image.yaml");
  const text = (await readFile(path, "utf8"))
    .replaceAll("@REPOSITORY@", repository.url)
    .replaceAll("@KEY@", keyFile);
  return parseImageConfig(text, { subject: path });
}

async function buildOnce(
  repository: DemoRepository,
  folder: string,
  events: EventSink,
): Promise<BuildResult> {
  const { buildImage, loadBuildKeys, resolveImage } = await import("../build/index.ts");
  const { createHttpClient, openCache } = await import("../http/index.ts");
  const { folderBlobs } = await import("../oci/index.ts");
  await mkdir(folder, { recursive: true });
  const keyFile = join(folder, repository.keyName);
  await writeFile(keyFile, repository.publicPem);
  const config = await demoConfig(repository, keyFile);
  const client = createHttpClient({ environment: {} });
  const access: Access = {
    client,
    cache: openCache(join(folder, "cache")),
    limits: defaultLimits,
    events,
  };
  try {
    const keys = await loadBuildKeys(config, access);
    const resolutions = await Promise.all(
      config.archs.map((arch) =>
        resolveImage(config, arch, access, { keys, allowUntrusted: false }),
      ),
    );
    return await buildImage({
      config,
      keys,
      resolutions,
      access,
      blobs: folderBlobs(join(folder, "blobs")),
      contextFolder: demoFolder,
    });
  } finally {
    await client.close();
  }
}

async function showTampering(repository: DemoRepository, folder: string): Promise<string> {
  const victim = repository.packages.find(
    ({ package: each }) => each.name === "demo-hello",
  )!.package;
  repository.tamperWith(`/x86_64/${victim.name}-${victim.version}.apk`);
  try {
    await buildOnce(repository, folder, () => {});
  } catch (error) {
    if (isBivyError(error)) return `${paint("green", "caught")} [${error.code}] ${error.message}`;
    throw error;
  }
  throw new BivyError("datahash-mismatch", "a changed byte was not noticed");
}

async function leaveImage({ image }: BuildResult, folder: string): Promise<void> {
  const { createLayout, dockerArchive, parseReference, platformOfArch, writeArchiveFile } =
    await import("../oci/index.ts");
  const { hostArch } = await import("../sandbox/index.ts");
  const layout = join(folder, "image");
  await (await createLayout(layout)).put(image, { name: "latest" });
  const arch = hostArch() === "aarch64" ? "aarch64" : "x86_64";
  const archive = join(folder, "image.tar");
  const references = [parseReference("bivy-demo:latest")];
  await writeArchiveFile(
    archive,
    dockerArchive(image, { references, platform: platformOfArch(arch) }),
  );
  title("5. The image");
  printResult(`  ${image.digest}`);
  printResult(`  as an OCI layout    ${layout}`);
  printResult(`  as an archive       ${archive}`);
  printResult(`  load and run it     docker load -i ${archive} && docker run --rm bivy-demo`);
  printResult(`  or                  podman load -i ${archive} && podman run --rm bivy-demo`);
}
