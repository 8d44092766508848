/** Syft's own JSON, read: `artifacts`, `artifactRelationships`, `distro` and `source`. */
import {
  asObject,
  BivyError,
  type JsonObject,
  listField,
  objectField,
  objectsField,
  textsField,
  tryParseDigest,
} from "../../base/index.ts";
import { layerHistory, parseConfig } from "../../oci/index.ts";
import { textField, textMapField } from "./json-field.ts";
import { tryParsePackageUrl } from "./read-package-url.ts";
import type { SbomLayer } from "./sbom-document.ts";
import type { StatedComponent, StatedDistribution, StatedDocument } from "./stated.ts";

export function readSyft(document: JsonObject): StatedDocument {
  const source = objectField(document, "source");
  // Older ones call it the target.
  const image = objectField(source, "metadata") ?? objectField(source, "target");
  const version = textField(objectField(document, "descriptor"), "version");
  const name = textField(image, "userInput") ?? textField(source, "name");
  const digest = tryParseDigest(textField(image, "manifestDigest") ?? "");
  const distribution = distributionOf(objectField(document, "distro"));
  const artifacts = objectsField(document, "artifacts");
  const relations = readRelations(document);
  const owners = ownersOf(artifacts, relations);
  const layers = layersOf(image);
  return {
    format: "syft",
    tool: version === undefined ? "syft" : `syft ${version}`,
    ...(name === undefined ? {} : { name }),
    ...(digest === undefined ? {} : { digest }),
    ...(distribution === undefined ? {} : { distribution }),
    components: artifacts
      .map((each) => componentOf(each, owners, layers))
      .filter((each) => each !== undefined),
    dependencies: dependenciesOf(relations),
    layers,
    labels: textMapField(image, "labels"),
    facts: new Map(),
    problems: [],
  };
}

function distributionOf(distro: JsonObject | undefined): StatedDistribution | undefined {
  const name = textField(distro, "name");
  const id = textField(distro, "id") ?? name?.toLowerCase();
  if (id === undefined) return undefined;
  const version = textField(distro, "versionID") ?? textField(distro, "version");
  const like = textsField(distro, "idLike");
  return {
    id,
    ...(version === undefined ? {} : { version }),
    ...(name === undefined || name === id ? {} : { name }),
    ...(like.length === 0 ? {} : { like }),
  };
}

function componentOf(
  artifact: JsonObject,
  owners: ReadonlyMap<string, string>,
  layers: readonly SbomLayer[],
): StatedComponent | undefined {
  const name = textField(artifact, "name");
  if (name === undefined) return undefined;
  const ref = textField(artifact, "id");
  const version = textField(artifact, "version");
  const purlText = textField(artifact, "purl");
  const purl = tryParsePackageUrl(purlText ?? "");
  const metadata = objectField(artifact, "metadata");
  const isApk = textField(artifact, "type") === "apk";
  const license = licenseOf(artifact) ?? textField(metadata, "license");
  const stated = {
    origin: textField(metadata, "originPackage"),
    arch: textField(metadata, "architecture"),
    maintainer: textField(metadata, "maintainer"),
    identity: textField(metadata, "pullChecksum"),
    description: textField(metadata, "description"),
    url: textField(metadata, "url"),
  };
  const owner = ref === undefined ? undefined : owners.get(ref);
  const commit = textField(metadata, "gitCommitOfApkPort");
  return {
    ...(ref === undefined ? {} : { ref }),
    name,
    ...(version === undefined ? {} : { version }),
    ...(purlText === undefined ? {} : { purlText }),
    ...(purl === undefined ? {} : { purl }),
    facts: new Map(commit === undefined ? [] : [["syft:metadata:gitCommitOfApkPort", [commit]]]),
    ...(isApk ? { isApk, ...defined(stated) } : {}),
    ...(license === undefined ? {} : { license }),
    ...(owner === undefined ? {} : { owner }),
    layerIds: layerIdsOf(artifact, isApk, layers),
  };
}

function defined(
  fields: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** Each an object, or a text in older documents. */
function licenseOf(artifact: JsonObject): string | undefined {
  const stated = listField(artifact, "licenses").map((each) =>
    typeof each === "string" ? each : textField(asObject(each), "value"),
  );
  const known = stated.filter((each) => each !== undefined && each !== "");
  return known.length === 0 ? undefined : known.join(" AND ");
}

/**
 * Syft names the layer of the file that it read. For packages of apk that is the last one that wrote
 * the database, and only in an image of one layer the one that brought the package.
 */
function layerIdsOf(
  artifact: JsonObject,
  isApk: boolean,
  layers: readonly SbomLayer[],
): readonly string[] {
  if (isApk && layers.length !== 1) return [];
  const id = textField(objectsField(artifact, "locations")[0], "layerID");
  return id === undefined ? [] : [id];
}

interface Relation {
  readonly parent: string;
  readonly child: string;
  readonly type: string;
}

function readRelations(document: JsonObject): readonly Relation[] {
  return objectsField(document, "artifactRelationships").flatMap((each) => {
    const parent = textField(each, "parent");
    const child = textField(each, "child");
    const type = textField(each, "type");
    return parent === undefined || child === undefined || type === undefined
      ? []
      : [{ parent, child, type }];
  });
}

/** The parent of a dependency is what the child needs. */
function dependenciesOf(relations: readonly Relation[]): ReadonlyMap<string, readonly string[]> {
  const dependencies = new Map<string, string[]>();
  for (const { parent, child, type } of relations) {
    if (type !== "dependency-of") continue;
    const known = dependencies.get(child);
    if (known === undefined) dependencies.set(child, [parent]);
    else known.push(parent);
  }
  return dependencies;
}

/** The names of the apk packages that have the files of others. */
function ownersOf(
  artifacts: readonly JsonObject[],
  relations: readonly Relation[],
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const each of artifacts) {
    const id = textField(each, "id");
    const name = textField(each, "name");
    if (id !== undefined && name !== undefined && textField(each, "type") === "apk")
      names.set(id, name);
  }
  return new Map(
    relations.flatMap(({ parent, child, type }) => {
      const name = names.get(parent);
      return type === "ownership-by-file-overlap" && name !== undefined
        ? [[child, name] as const]
        : [];
    }),
  );
}

/** What it calls the digest of a layer is its diff id. The config of the image says what made them. */
function layersOf(image: JsonObject | undefined): readonly SbomLayer[] {
  const history = historyOf(image);
  return objectsField(image, "layers").map((each, at) => {
    const diffId = tryParseDigest(textField(each, "digest") ?? "");
    const createdBy = history[at];
    return {
      ...(diffId === undefined ? {} : { diffId }),
      ...(createdBy === undefined ? {} : { createdBy }),
    };
  });
}

function historyOf(image: JsonObject | undefined): readonly (string | undefined)[] {
  const config = textField(image, "config");
  if (config === undefined) return [];
  try {
    const parsed = parseConfig(Buffer.from(config, "base64"), "config");
    return layerHistory(parsed).map((entry) => entry?.created_by);
  } catch (error) {
    if (error instanceof BivyError) return [];
    throw error;
  }
}
