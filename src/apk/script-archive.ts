/** The script archive, lib/apk/db/scripts.tar: what packages have to run later, one entry per script. */
import {
  encodeTarHeader,
  gunzip,
  tarEnd,
  tarEntries,
  tarHeader,
  tarPadding,
} from "../archive/index.ts";
import {
  collectBytes,
  concatBytes,
  encodeName,
  encodeText,
  limitExceeded,
  readContent,
  type Limits,
} from "../base/index.ts";
import type { Root } from "../tree/index.ts";
import { identityKey } from "./identity.ts";
import type { InstalledPackage } from "./installed.ts";
import { packageLabel, type Package } from "./package.ts";
import { scriptKinds, type ScriptKind } from "./package-file.ts";

export type ScriptsByIdentity = ReadonlyMap<string, ReadonlyMap<ScriptKind, Uint8Array>>;

/** `name-version.identity.kind` */
const entryForm = /\.((?:Q1|Q2)[A-Za-z0-9+/_-]+=*|X[12][0-9a-f]+)\.([a-z-]+)$/;

function scriptEntryName(subject: Package, kind: ScriptKind): string {
  return `${packageLabel(subject)}.${subject.identity}.${kind}`;
}

/** Reads scripts.tar, or the scripts.tar.gz of newer roots, from the folder of the database. */
export async function readScripts(
  root: Root,
  place: string,
  limits: Limits,
): Promise<ScriptsByIdentity> {
  const scripts = new Map<string, Map<ScriptKind, Uint8Array>>();
  const subject = `${place}/scripts.tar`;
  const bytes = await readArchive(root, subject, limits);
  for (const { header, content } of tarEntries(bytes, { subject, limits })) {
    const match = entryForm.exec(header.path);
    if (match === null || !scriptKinds.includes(match[2] as ScriptKind)) continue;
    const identity = identityKey(match[1]!);
    const ofPackage = scripts.get(identity) ?? new Map<ScriptKind, Uint8Array>();
    scripts.set(identity, ofPackage.set(match[2] as ScriptKind, content));
  }
  return scripts;
}

async function readArchive(root: Root, subject: string, limits: Limits): Promise<Uint8Array> {
  const plain = root.lookup(subject);
  const most = limits["control-size"];
  if (plain?.kind === "file")
    return readContent(plain.content, { ...limits, "document-size": most }, subject);
  const packed = root.lookup(`${subject}.gz`);
  if (packed?.kind !== "file") return new Uint8Array(0);
  return collectBytes(gunzip(packed.content.chunks(), { subject, limits }), most, () =>
    limitExceeded("control-size", limits, subject),
  );
}

/** Entries in the order of installation, each dated with its package's build. */
export function formatScripts(
  installed: readonly InstalledPackage[],
  scripts: ScriptsByIdentity,
): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const subject of installed) {
    const own = scripts.get(identityKey(subject.identity));
    for (const kind of scriptKinds) {
      const script = own?.get(kind);
      if (script === undefined) continue;
      const name = scriptEntryName(subject, kind);
      parts.push(
        entryHeader(name, script.byteLength, subject.buildTime),
        script,
        tarPadding(script.byteLength),
      );
    }
  }
  return concatBytes([...parts, tarEnd]);
}

/**
 * apk writes headers of the GNU kind: sizes and times of 12 octal digits without an end mark, and no
 * device numbers. Names that do not fit are left to the general encoder.
 */
function entryHeader(name: string, size: number, time: number): Uint8Array {
  const path = encodeName(name);
  if (path.byteLength > 99)
    return encodeTarHeader(
      tarHeader({
        path: name,
        type: "file",
        mode: 0o755,
        size,
        mtime: time,
        userName: "root",
        groupName: "root",
      }),
    );
  const block = new Uint8Array(512);
  const put = (offset: number, text: string) => block.set(encodeText(text), offset);
  block.set(path);
  put(100, `0000755\0${"0000000\0".repeat(2)}${octal(size, 12)}${octal(time, 12)}`);
  put(148, "        0");
  put(257, "ustar  \0root");
  put(297, "root");
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${octal(sum, 6)}\0 `);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
