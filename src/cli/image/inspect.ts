/** bivy image inspect: what an image is: its digests, platforms, settings and layers. */
import type { Command } from "commander";
import type { Image, ImageOrIndex } from "../../oci/index.ts";
import {
  addImageFlags,
  chooseImage,
  imageArgument,
  imageArgumentForms,
  type ImageFlags,
} from "../image-source.ts";
import { addResultFlags, formatJson, writeResult, type ResultFlags } from "../result.ts";
import { withSession, type Session } from "../session.ts";
import { countOf, formatBytes } from "../term/progress.ts";
import { printable, writeResultBytes } from "../term/streams.ts";
import { formatTable } from "../term/table.ts";
import { instructionText } from "./instruction.ts";

interface InspectFlags extends ImageFlags, ResultFlags<"text" | "json"> {
  readonly raw?: boolean;
  readonly config?: boolean;
}

export function configure(command: Command): void {
  addImageFlags(
    addResultFlags(command.argument("<IMAGE>", imageArgumentForms), ["text", "json"])
      .option("--raw", "the manifest or index itself, byte for byte")
      .option("--config", "the config itself, byte for byte"),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy image inspect alpine:3.20
  $ bivy image inspect alpine:3.20 --platform linux/arm64 --format json
  $ bivy image inspect oci:out --raw
`,
    )
    .action((argument: string, flags: InspectFlags) =>
      withSession(flags, (session) => inspect(argument, flags, session)),
    );
}

async function inspect(argument: string, flags: InspectFlags, session: Session): Promise<void> {
  const found = await imageArgument(argument, flags, session);
  const chosen = () => chooseImage(found, argument, flags);
  if (flags.raw === true)
    return writeResultBytes([
      await (flags.platform === undefined ? found : await chosen()).rawManifest(),
    ]);
  if (flags.config === true) return writeResultBytes([await (await chosen()).rawConfig()]);
  const report = {
    name: argument,
    ...(await describeIndex(found)),
    ...(await describeImage(await chosen())),
  };
  session.progress.end();
  const text = flags.format === "json" ? formatJson(report) : formatReport(report);
  await writeResult(text, flags);
}

async function describeIndex(found: ImageOrIndex) {
  if (found.kind === "image") return {};
  const { formatPlatform, isAttestation } = await import("../../oci/index.ts");
  const { annotations } = await found.manifest();
  const children = (await found.children()).map(({ descriptor }) => ({
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    ...(descriptor.platform === undefined || isAttestation(descriptor)
      ? {}
      : { platform: formatPlatform(descriptor.platform) }),
    ...(isAttestation(descriptor) ? { attestation: true } : {}),
  }));
  return {
    index: {
      digest: found.digest,
      mediaType: found.mediaType,
      ...(annotations === undefined ? {} : { annotations }),
      children,
    },
  };
}

async function describeImage(image: Image) {
  const { formatPlatform, layerHistory } = await import("../../oci/index.ts");
  const [manifest, config, layers] = await Promise.all([
    image.manifest(),
    image.config(),
    image.layers(),
  ]);
  const history = layerHistory(config);
  return {
    digest: image.digest,
    mediaType: image.mediaType,
    /** The digest of the config, which docker calls the image id. */
    id: manifest.config.digest,
    platform: formatPlatform(config),
    ...(config.created === undefined ? {} : { created: config.created }),
    ...(manifest.artifactType === undefined ? {} : { artifactType: manifest.artifactType }),
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
    config: config.config ?? {},
    /** Bytes to download: the layers as they are stored. */
    compressedSize: layers.reduce((sum, { size }) => sum + size, 0),
    layers: layers.map(({ digest, diffId, size, mediaType }, at) => ({
      digest,
      diffId,
      size,
      mediaType,
      ...(history[at]?.created_by === undefined ? {} : { createdBy: history[at].created_by }),
    })),
  };
}

type Report = { readonly name: string } & Awaited<ReturnType<typeof describeIndex>> &
  Awaited<ReturnType<typeof describeImage>>;

function formatReport(report: Report): string {
  const { config, layers, index } = report;
  const facts: [string, string | undefined][] = [
    ["name", report.name],
    ["index", index?.digest],
    ["digest", report.digest],
    ["id", report.id],
    ["platform", report.platform],
    ["created", report.created],
    ["user", config.User],
    ["entrypoint", config.Entrypoint && JSON.stringify(config.Entrypoint)],
    ["command", config.Cmd && JSON.stringify(config.Cmd)],
    ["workdir", config.WorkingDir],
    ["ports", Object.keys(config.ExposedPorts ?? {}).join(" ")],
    ["volumes", Object.keys(config.Volumes ?? {}).join(" ")],
    ...(config.Env ?? []).map((entry): [string, string] => ["env", entry]),
    ...Object.entries(config.Labels ?? {}).map(([name, value]): [string, string] => [
      "label",
      `${name}=${value}`,
    ]),
    ["compressed", `${formatBytes(report.compressedSize)} in ${countOf(layers.length, "layer")}`],
  ];
  const lines = facts
    .filter(([, value]) => value !== undefined && value !== "")
    .map(([name, value]) => `${name.padEnd(11)} ${printable(value!)}`);
  const rows = layers.map(({ digest, size, createdBy }) => [
    digest.slice("sha256:".length, "sha256:".length + 12),
    formatBytes(size),
    instructionText(createdBy),
  ]);
  const others = (index?.children ?? []).filter(({ digest }) => digest !== report.digest);
  const parts = [
    lines.join("\n"),
    formatTable(
      [{ title: "LAYER" }, { title: "SIZE", align: "right" }, { title: "INSTRUCTION" }],
      rows,
    ),
  ];
  if (others.length > 0)
    parts.push(
      formatTable(
        [{ title: "ALSO" }, { title: "DIGEST" }],
        others.map(({ digest, platform, attestation }) => [
          attestation === true ? "attestation" : printable(platform ?? "index"),
          digest,
        ]),
      ),
    );
  return parts.join("\n\n");
}
