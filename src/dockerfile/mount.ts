/**
 * Mounts: what `RUN --mount=KEY=VALUE,…` makes visible to a command
 * (https://docs.docker.com/reference/dockerfile/#run---mount).
 */
import { nearestName } from "../base/index.ts";
import { tryParseTruth } from "./directives.ts";
import { dockerfileInvalid, notOneOf, reportTo, type Problem, type Report } from "./problem.ts";
import { quoted, type Location, type Source } from "./source.ts";
import { type Word } from "./syntax.ts";

const mountTypes = ["bind", "cache", "tmpfs", "secret", "ssh"] as const;
const sharingModes = ["shared", "private", "locked"] as const;

export type MountType = (typeof mountTypes)[number];

export interface Mount {
  readonly type: MountType;
  /** A stage, an image or a named context; never expanded. */
  readonly from: string | undefined;
  readonly source: string | undefined;
  readonly target: string | undefined;
  readonly readOnly: boolean;
  /** Of a cache, a secret or an agent's socket. */
  readonly id: string | undefined;
  readonly sharing: (typeof sharingModes)[number] | undefined;
  /** Of a secret or an agent's socket: whether its absence is an error. */
  readonly required: boolean;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Of a tmpfs: bytes that it may hold. */
  readonly size: number | undefined;
  /** Of a secret: the variable that holds it. */
  readonly env: string | undefined;
}

/**
 * Reads the value of `--mount`, as a build does: with its variables expanded, but for `from`, which may
 * have none. Throws `dockerfile-invalid`.
 */
export function parseMount(source: Source, word: Word, expand: (text: string) => string): Mount {
  const problems: Problem[] = [];
  const mount = readMount(word, reportTo(problems), expand);
  if (mount === undefined) throw dockerfileInvalid(source, problems);
  return mount;
}

/** What can be known of a mount before its variables are; reports what is wrong in any case. */
export function checkMount(word: Word, report: Report): void {
  readMount(word, report, undefined);
}

/** A mount whose keys are being read. */
type Draft = Omit<{ -readonly [Key in keyof Mount]: Mount[Key] }, "readOnly"> & {
  readOnly: boolean | undefined;
};

const plainMount: Draft = {
  type: "bind",
  from: undefined,
  source: undefined,
  target: undefined,
  readOnly: undefined,
  id: undefined,
  sharing: undefined,
  required: false,
  mode: undefined,
  uid: undefined,
  gid: undefined,
  size: undefined,
  env: undefined,
};

interface Field extends Location {
  readonly key: string;
  /** Undefined where there is no `=`. */
  readonly value: string | undefined;
}

function readMount(
  word: Word,
  report: Report,
  expand: ((text: string) => string) | undefined,
): Mount | undefined {
  const fields = splitFields(word);
  if (fields === undefined) {
    const message = `--mount expects KEY=VALUE,…, found ${quoted(word.text)}`;
    report("flag-value", word, message, "A quote in it has no end, or stands within a value.");
    return undefined;
  }
  const draft: Draft = { ...plainMount };
  let isValid = true;
  for (const field of fields) {
    const key = Object.hasOwn(otherKeys, field.key) ? otherKeys[field.key]! : field.key;
    if (expand === undefined && key !== "from" && field.value?.includes("$") === true) {
      // Without its type nothing can be said of a mount.
      if (key === "type") return undefined;
      continue;
    }
    const value = field.value && expand !== undefined ? expand(field.value) : field.value;
    const complaint = Object.hasOwn(setters, key)
      ? setters[key]!(draft, value, field.key)
      : unknownKey(field.key);
    if (complaint === undefined) continue;
    report("flag-value", field, complaint);
    isValid = false;
  }
  const hasVariables = expand === undefined && word.text.includes("$");
  if (!isValid || hasVariables) return undefined;
  const complaint = contradictionIn(draft);
  if (complaint !== undefined) {
    report("flag-value", word, complaint);
    return undefined;
  }
  const { readOnly = draft.type !== "cache" && draft.type !== "tmpfs" } = draft;
  return { ...draft, readOnly };
}

/** A mount is used for a handful of keys; each costs memory. */
const mostFields = 100;

const fieldForm = /"((?:[^"]|"")*)"(?=,|$)|([^",]*)(?=,|$)/y;

/** Fields between commas; one that begins with a quote may hold commas (RFC 4180). */
function splitFields(word: Word): Field[] | undefined {
  const { text } = word;
  const fields: Field[] = [];
  // Only text that stands in the file as it is can be pointed into.
  const isPlain = word.end - word.offset === text.length;
  for (let at = 0; at <= text.length; at = fieldForm.lastIndex + 1) {
    fieldForm.lastIndex = at;
    const match = fieldForm.exec(text);
    if (match === null || fields.length >= mostFields) return undefined;
    const field = match[1]?.replaceAll('""', '"') ?? match[2]!;
    const equals = field.indexOf("=");
    const place = { offset: word.offset + at, end: word.offset + at + match[0].length };
    fields.push({
      key: (equals === -1 ? field : field.slice(0, equals)).toLowerCase(),
      value: equals === -1 ? undefined : field.slice(equals + 1),
      ...word,
      ...(isPlain ? { ...place, column: word.column + at } : undefined),
    });
  }
  return fields;
}

const otherKeys: Readonly<Record<string, string>> = {
  src: "source",
  dst: "target",
  destination: "target",
  ro: "readonly",
  rw: "readwrite",
};

/** Sets what a key says, or gives what is wrong with its value. */
type Setter = (draft: Draft, value: string | undefined, key: string) => string | undefined;

const setters: Readonly<Record<string, Setter>> = {
  type: withValue((draft, value) => {
    const type = mountTypes.find((each) => each === value.toLowerCase());
    if (type === undefined) return notOneOf("type", value, mountTypes);
    draft.type = type;
    return undefined;
  }),
  from: withValue((draft, value) => {
    if (/\$./.test(value))
      return "from takes no variables: name a stage with FROM … AS, and take that";
    draft.from = value;
    return undefined;
  }),
  source: withValue((draft, value) => void (draft.source = value)),
  target: withValue((draft, value) => void (draft.target = value)),
  id: withValue((draft, value) => void (draft.id = value)),
  readonly: (draft, value, key) => withTruth(value, key, (truth) => void (draft.readOnly = truth)),
  readwrite: (draft, value, key) =>
    withTruth(value, key, (truth) => void (draft.readOnly = !truth)),
  required: (draft, value, key) =>
    onlyOf(draft, key, ["secret", "ssh"]) ??
    withTruth(value, key, (truth) => void (draft.required = truth)),
  env: withValue((draft, value, key) => onlyOf(draft, key, ["secret"]) ?? void (draft.env = value)),
  size: withValue((draft, value, key) => {
    const size = tryParseSize(value);
    if (size === undefined)
      return `size expects a number of bytes such as 64m, found ${quoted(value)}`;
    return onlyOf(draft, key, ["tmpfs"]) ?? void (draft.size = size);
  }),
  sharing: withValue((draft, value) => {
    const sharing = sharingModes.find((each) => each === value.toLowerCase());
    if (sharing === undefined) return notOneOf("sharing", value, sharingModes);
    draft.sharing = sharing;
    return undefined;
  }),
  mode: withValue((draft, value, key) => {
    if (!/^[0-7]{1,10}$/.test(value))
      return `${key} expects an octal number, found ${quoted(value)}`;
    draft.mode = Number.parseInt(value, 8);
    return undefined;
  }),
  uid: withValue((draft, value, key) => withId(value, key, (id) => void (draft.uid = id))),
  gid: withValue((draft, value, key) => withId(value, key, (id) => void (draft.gid = id))),
};

function withValue(set: (draft: Draft, value: string, key: string) => string | undefined): Setter {
  return (draft, value, key) =>
    value === undefined ? `${key} expects a value: ${key}=VALUE` : set(draft, value, key);
}

function withTruth(
  value: string | undefined,
  key: string,
  set: (truth: boolean) => undefined,
): string | undefined {
  const truth = value === undefined ? true : tryParseTruth(value);
  return truth === undefined ? `${key} expects true or false, found ${quoted(value!)}` : set(truth);
}

function withId(value: string, key: string, set: (id: number) => undefined): string | undefined {
  const isId = /^\d{1,10}$/.test(value) && Number(value) <= 0xffff_ffff;
  return isId ? set(Number(value)) : `${key} expects a number, found ${quoted(value)}`;
}

function onlyOf(draft: Draft, key: string, types: readonly MountType[]): string | undefined {
  return types.includes(draft.type)
    ? undefined
    : `${key} is for mounts of type ${types.join(" or ")}, and this is ${draft.type}`;
}

function unknownKey(key: string): string {
  const near = nearestName(key, [...Object.keys(setters), ...Object.keys(otherKeys)]);
  return `--mount has no key ${quoted(key)}${near === undefined ? "" : `; did you mean ${near}?`}`;
}

function contradictionIn({
  type,
  mode,
  uid,
  gid,
  from,
  sharing,
  source,
  target,
  id,
  env,
}: Draft): string | undefined {
  const owned = { mode, uid, gid };
  for (const [key, value] of Object.entries(owned))
    if (value !== undefined && (type === "bind" || type === "tmpfs"))
      return `${key} is not for mounts of type ${type}`;
  if (sharing !== undefined && type !== "cache") return `sharing is not for mounts of type ${type}`;
  if (type !== "secret") return undefined;
  if (from !== undefined && from !== "") return "from is not for mounts of type secret";
  if (!source && !target && !id && !env) return "a secret needs an id: --mount=type=secret,id=NAME";
  if (source && id) return "a secret has an id or a source, not both";
  return undefined;
}

const sizeForm = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i;

/** Bytes: a number with an optional unit, of 1024 each. */
function tryParseSize(text: string): number | undefined {
  const match = sizeForm.exec(text);
  if (match === null) return undefined;
  const power = match[2] === "" ? 0 : "kmgtp".indexOf(match[2]!.toLowerCase()) + 1;
  const size = Math.trunc(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(size) ? size : undefined;
}
