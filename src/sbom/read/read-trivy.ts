/** Trivy's own JSON report, read: `Results` with their `Packages`, and `Metadata` of the image. */
import {
  type JsonObject,
  objectField,
  objectsField,
  textsField,
  tryParseDigest,
} from "../../base/index.ts";
import { formatChecksum } from "../../apk/index.ts";
import { textField, textMapField, timeField } from "./json-field.ts";
import { tryParsePackageUrl } from "./read-package-url.ts";
import type { SbomLayer } from "./sbom-document.ts";
import type { StatedComponent, StatedDocument } from "./stated.ts";

export function readTrivy(report: JsonObject): StatedDocument {
  const metadata = objectField(report, "Metadata");
  const imageConfig = objectField(metadata, "ImageConfig");
  const os = objectField(metadata, "OS");
  const family = textField(os, "Family");
  const version = textField(os, "Name");
  const tool = textField(objectField(report, "Trivy"), "Version");
  const name = textField(report, "ArtifactName");
  const time = timeField(report, "CreatedAt");
  const results = objectsField(report, "Results");
  const problems: string[] = [];
  const components = results.flatMap((result) => componentsOf(result));
  const dependencies = new Map(
    results.flatMap((result) =>
      objectsField(result, "Packages").map(
        (each) => [textField(each, "ID") ?? "", textsField(each, "DependsOn")] as const,
      ),
    ),
  );
  if (components.length === 0 && results.length > 0)
    problems.push("the report lists no packages: Trivy writes them with --list-all-pkgs");
  return {
    format: "trivy",
    tool: tool === undefined ? "trivy" : `trivy ${tool}`,
    ...(name === undefined ? {} : { name }),
    ...(time === undefined ? {} : { time }),
    ...(family === undefined
      ? {}
      : { distribution: { id: family, ...(version === undefined ? {} : { version }) } }),
    components,
    dependencies,
    layers: layersOf(metadata, imageConfig),
    labels: textMapField(objectField(imageConfig, "config"), "Labels"),
    facts: new Map(),
    problems,
  };
}

/** The distributions with apk, in older reports, whose packages have no purl. */
const apkFamilies: ReadonlySet<string> = new Set(["alpine", "wolfi", "chainguard", "minimos"]);

function componentsOf(result: JsonObject): readonly StatedComponent[] {
  const type = textField(result, "Type") ?? "unknown";
  const target = textField(result, "Target");
  return objectsField(result, "Packages").flatMap((each): StatedComponent[] => {
    const name = textField(each, "Name");
    if (name === undefined) return [];
    const identifier = objectField(each, "Identifier");
    const ref = textField(each, "ID");
    const version = textField(each, "Version");
    const purlText = textField(identifier, "PURL");
    const stated = purlText === undefined ? undefined : tryParsePackageUrl(purlText);
    const origin = textField(each, "SrcName");
    const arch = textField(each, "Arch");
    const maintainer = textField(each, "Maintainer");
    const licenses = textsField(each, "Licenses");
    const identity = identityOf(each);
    const layer = objectField(each, "Layer");
    const ids = [textField(layer, "DiffID"), textField(layer, "Digest")];
    return [
      {
        ...(ref === undefined ? {} : { ref }),
        name,
        ...(version === undefined ? {} : { version }),
        ...(purlText === undefined ? {} : { purlText }),
        purl: stated ?? { type, name },
        facts: new Map([["FilePath", [textField(each, "FilePath") ?? target ?? ""]]]),
        isApk: stated === undefined ? apkFamilies.has(type) : stated.type === "apk",
        ...(origin === undefined ? {} : { origin }),
        ...(arch === undefined ? {} : { arch }),
        ...(maintainer === undefined ? {} : { maintainer }),
        ...(licenses.length === 0 ? {} : { license: licenses.join(" AND ") }),
        ...(identity === undefined ? {} : { identity }),
        layerIds: ids.filter((id) => id !== undefined),
      },
    ];
  });
}

/** apk's `C:`, which Trivy writes as `sha1:` and hex. */
function identityOf(each: JsonObject): string | undefined {
  const [, hex] = /^sha1:([0-9a-f]{40})$/.exec(textField(each, "Digest") ?? "") ?? [];
  return hex === undefined ? undefined : formatChecksum(Buffer.from(hex, "hex"));
}

function layersOf(
  metadata: JsonObject | undefined,
  config: JsonObject | undefined,
): readonly SbomLayer[] {
  const history = objectsField(config, "history")
    .filter((entry) => entry["empty_layer"] !== true)
    .map((entry) => textField(entry, "created_by"));
  const listed = objectsField(metadata, "Layers");
  const diffIds =
    textsField(metadata, "DiffIDs").length > 0
      ? textsField(metadata, "DiffIDs")
      : textsField(objectField(config, "rootfs"), "diff_ids");
  const count = Math.max(diffIds.length, listed.length);
  return Array.from({ length: count }, (_, at): SbomLayer => {
    const diffId = tryParseDigest(diffIds[at] ?? textField(listed[at], "DiffID") ?? "");
    const digest = tryParseDigest(textField(listed[at], "Digest") ?? "");
    const createdBy = history.length === count ? history[at] : undefined;
    return {
      ...(digest === undefined ? {} : { digest }),
      ...(diffId === undefined ? {} : { diffId }),
      ...(createdBy === undefined ? {} : { createdBy }),
    };
  });
}
