/**
 * Java: what is in a JAR, WAR or EAR and in the archives inside it (JAR File Specification; Maven Archiver,
 * "pom.properties").
 *
 * An archive that Maven built has a pom.properties for each artifact whose classes are in it. One that has
 * none is named by its manifest, else by its file name, as long as that states a version.
 */
import {
  looksLikeZip,
  readZip,
  UnpackMeter,
  type ZipArchive,
  type ZipEntry,
} from "../../archive/index.ts";
import { baseName, decodeName, isBivyError, type Limits } from "../../base/index.ts";
import { statedPackage, type StatedPackage } from "./language-package.ts";

const archiveName = /\.(?:jar|war|ear|par|sar|rar|nar|kar|jpi|hpi|lpkg)$/i;

/** Whether it is an archive of Java's by its name: by its bytes it could be any zip. */
export function isJavaArchive(path: string): boolean {
  return archiveName.test(path);
}

/** Archives inside each other; a WAR in an EAR has JARs. */
const deepestArchive = 3;
/** What one archive may give in all, with the archives inside it, as a multiple of `inspected-size`. */
const readingFactor = 4;
/** Manifests of signed archives list every class, in sections that are not read. */
const largestDocument = 1024 * 1024;
const mostArtifacts = 10_000;

export interface JavaReading {
  readonly packages: readonly StatedPackage[];
  readonly problems: readonly string[];
}

interface Walk {
  readonly limits: Limits;
  readonly meter: UnpackMeter;
  readonly packages: StatedPackage[];
  /** Notes a problem, as long as there are few. */
  note(problem: string): void;
}

/** Beyond so many in one archive nobody reads them. */
const mostProblems = 20;

/** What the archive at `path` holds. What cannot be read is a problem, and goes without. */
export function readJavaArchive(bytes: Uint8Array, path: string, limits: Limits): JavaReading {
  const most = limits["inspected-size"] * readingFactor;
  const meter = new UnpackMeter({
    subject: path,
    limits: { ...limits, "unpacked-size": most, "ratio-floor": most },
  });
  const problems: string[] = [];
  const note = (problem: string): void => {
    if (problems.length < mostProblems) problems.push(problem);
  };
  const walk: Walk = { limits, meter, packages: [], note };
  walkArchive(bytes, path, 0, walk);
  return { packages: walk.packages, problems };
}

function walkArchive(bytes: Uint8Array, path: string, depth: number, walk: Walk): void {
  const { limits, meter, packages, note } = walk;
  try {
    const archive = readZip(bytes, { subject: path, limits, meter });
    packages.push(...ownPackages(archive, path, walk));
    for (const entry of archive.entries.filter(({ name }) => isJavaArchive(name))) {
      const inside = `${path}!/${entry.name.slice(0, 200)}`;
      if (depth === deepestArchive || entry.size > limits["inspected-size"]) {
        note(`${inside}: too deep or too large; it was not looked into`);
        continue;
      }
      const inner = tryRead(archive, entry, walk);
      if (inner !== undefined) walkArchive(inner, inside, depth + 1, walk);
    }
  } catch (error) {
    // What may be read is counted for the outermost archive: nothing more is read of it.
    const isOwn = depth === 0 && isBivyError(error, "limit-exceeded");
    if (!isOwn && !isBivyError(error, "zip-invalid")) throw error;
    note(error.message);
  }
}

/** One damaged entry leaves the others what they are. */
function tryRead(archive: ZipArchive, entry: ZipEntry, { note }: Walk): Uint8Array | undefined {
  try {
    return archive.read(entry);
  } catch (error) {
    if (!isBivyError(error, "zip-invalid")) throw error;
    note(error.message);
    return undefined;
  }
}

const propertiesFile = /^META-INF\/maven\/[^/]+\/[^/]+\/pom\.properties$/;

function ownPackages(archive: ZipArchive, path: string, walk: Walk): readonly StatedPackage[] {
  const text = (entry: ZipEntry): string | undefined => {
    if (entry.size > largestDocument) return undefined;
    const bytes = tryRead(archive, entry, walk);
    return bytes && decodeName(bytes);
  };
  const properties = archive.entries.filter(({ name }) => propertiesFile.test(name));
  if (properties.length > mostArtifacts)
    walk.note(`${path}: of ${properties.length} pom.properties ${mostArtifacts} were read`);
  const stated = properties
    .slice(0, mostArtifacts)
    .map((entry) => tryParsePomProperties(text(entry) ?? ""))
    .filter((each) => each !== undefined);
  if (stated.length > 0) return stated;
  const manifest = archive.entries.find(({ name }) => name.toUpperCase() === manifestName);
  const named = archiveNamed(manifest && text(manifest), baseName(path));
  return named === undefined ? [] : [named];
}

const manifestName = "META-INF/MANIFEST.MF";

/** Undefined where it does not state group, artifact and version. */
export function tryParsePomProperties(text: string): StatedPackage | undefined {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const [, name, value] =
      /^\s{0,64}(groupId|artifactId|version)\s{0,64}[=:](.*)$/.exec(line) ?? [];
    if (name !== undefined) fields.set(name, value!.trim());
  }
  const [group, artifact] = [fields.get("groupId"), fields.get("artifactId")];
  if (!group || !artifact || !fields.get("version")) return undefined;
  return statedPackage("maven", { name: `${group}:${artifact}`, version: fields.get("version") });
}

/** `name-1.2.3`: the version begins with the first digit after a hyphen. */
function cutVersion(stem: string): readonly [name: string, version?: string] {
  const at = stem.search(/.-\d/) + 1;
  const version = stem.slice(at + 1);
  return at > 0 && /^[\w.+-]+$/.test(version) ? [stem.slice(0, at), version] : [stem];
}

/** What an archive without pom.properties is called: its manifest counts before its file name. */
function archiveNamed(manifest: string | undefined, file: string): StatedPackage | undefined {
  const fields = readManifest(manifest ?? "");
  const [fileName, fileVersion] = cutVersion(file.replace(archiveName, ""));
  const version =
    fields.get("implementation-version") || fields.get("bundle-version") || fileVersion;
  if (!version) return undefined;
  // A title is prose ("Apache Commons IO"); the name of the file is what the artifact is called.
  const group = fields.get("implementation-vendor-id");
  const license = fields.get("bundle-license");
  return statedPackage("maven", {
    name: group && !/[:/\s]/.test(group) ? `${group}:${fileName}` : fileName,
    version,
    ...(license === undefined ? {} : { license }),
  });
}

/** The main section: `Name: value`, where a line that begins with a blank goes on with the one before. */
function readManifest(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  const [main = ""] = text.replaceAll(/\r\n?/g, "\n").split("\n\n", 1);
  for (const line of main.replaceAll("\n ", "").split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return fields;
}

/** Whether the bytes are an archive: at once, or behind a script that starts it. */
export function mayBeJavaArchive(first: Uint8Array): boolean {
  return looksLikeZip(first) || (first[0] === 0x23 && first[1] === 0x21);
}
