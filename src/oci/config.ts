/**
 * The image config: how a container starts, and which layers it has (OCI image-spec, config.md, and
 * what Docker adds: Healthcheck, OnBuild, Shell).
 */
import { type Digest } from "../base/index.ts";
import {
  checkDigest,
  checkFields,
  checkFlag,
  checkInteger,
  checkList,
  checkMap,
  checkObject,
  checkText,
  encodeDocument,
  orderFields,
  parseDocument,
  sortMap,
  type JsonObject,
  type TextMap,
} from "./document.ts";
import { type Platform } from "./platform.ts";

/** Names that stand for themselves, such as `8080/tcp`; OCI writes them as a map to `{}`. */
export type NameSet = Readonly<Record<string, object>>;

/** The settings of the process. Fields that are not named here remain in the object. */
export interface ContainerConfig {
  readonly User?: string;
  /** `PORT[/PROTOCOL]`. */
  readonly ExposedPorts?: NameSet;
  /** `NAME=VALUE`. */
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: NameSet;
  readonly WorkingDir?: string;
  readonly Labels?: TextMap;
  readonly StopSignal?: string;
  readonly Healthcheck?: Healthcheck;
  readonly OnBuild?: readonly string[];
  readonly Shell?: readonly string[];
}

/** Docker's health check. Durations are in nanoseconds; 0 or absent inherits. */
export interface Healthcheck {
  /** `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", command]`. */
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** One step of the image's making. Those that are not `empty_layer` match the layers in order. */
export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** Fields that are not named here remain in the object, and are written again. */
export interface ImageConfig extends Platform {
  /** RFC 3339. */
  readonly created?: string;
  readonly author?: string;
  readonly config?: ContainerConfig;
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly Digest[] };
  readonly history?: readonly HistoryEntry[];
}

const checkNameSet = checkMap((value, at) => (value === null ? {} : checkObject(value, at)));
const checkTexts = checkList(checkText);

function checkContainerConfig(value: unknown, at: string): JsonObject {
  return checkFields(value, at, {
    User: checkText,
    ExposedPorts: checkNameSet,
    Env: checkTexts,
    Entrypoint: checkTexts,
    Cmd: checkTexts,
    Volumes: checkNameSet,
    WorkingDir: checkText,
    Labels: checkMap(checkText),
    StopSignal: checkText,
    Healthcheck: checkHealthcheck,
    OnBuild: checkTexts,
    Shell: checkTexts,
  });
}

function checkHealthcheck(value: unknown, at: string): JsonObject {
  return checkFields(value, at, {
    Test: checkTexts,
    Interval: checkInteger,
    Timeout: checkInteger,
    StartPeriod: checkInteger,
    StartInterval: checkInteger,
    Retries: checkInteger,
  });
}

function checkHistoryEntry(value: unknown, at: string): HistoryEntry {
  return checkFields(value, at, {
    created: checkText,
    created_by: checkText,
    author: checkText,
    comment: checkText,
    empty_layer: checkFlag,
  });
}

/** Reads an image config; what stands in it as null counts as absent. */
export function parseConfig(bytes: Uint8Array, subject: string): ImageConfig {
  const fields = checkFields(parseDocument(bytes, subject), subject, {
    created: checkText,
    author: checkText,
    architecture: checkText,
    os: checkText,
    "os.version": checkText,
    "os.features": checkTexts,
    variant: checkText,
    config: checkContainerConfig,
    rootfs: (value, at) =>
      checkFields(value, at, { type: checkText, diff_ids: checkList(checkDigest) }),
    history: checkList(checkHistoryEntry),
  });
  const rootfs = { type: "layers", diff_ids: [], ...(fields["rootfs"] as object | undefined) };
  return { architecture: "", os: "", ...fields, rootfs };
}

/** The bytes of a config: a fixed order of fields and sorted maps, so that the same data gives the same digest. */
export function encodeConfig(config: ImageConfig): Uint8Array {
  const { config: container, rootfs, history } = config;
  return encodeDocument(
    orderFields(
      {
        ...config,
        ...(container === undefined ? {} : { config: orderContainerConfig(container) }),
        rootfs: orderFields(rootfs, ["type", "diff_ids"]),
        ...(history === undefined ? {} : { history: history.map(orderHistoryEntry) }),
      },
      [
        "created",
        "author",
        "architecture",
        "os",
        "os.version",
        "os.features",
        "variant",
        "config",
        "rootfs",
        "history",
      ],
    ),
  );
}

function orderContainerConfig(container: ContainerConfig): JsonObject {
  const { ExposedPorts, Volumes, Labels, Healthcheck } = container;
  return orderFields(
    {
      ...container,
      ...(ExposedPorts === undefined ? {} : { ExposedPorts: sortMap(ExposedPorts) }),
      ...(Volumes === undefined ? {} : { Volumes: sortMap(Volumes) }),
      ...(Labels === undefined ? {} : { Labels: sortMap(Labels) }),
      ...(Healthcheck === undefined ? {} : { Healthcheck: orderHealthcheck(Healthcheck) }),
    },
    [
      "User",
      "ExposedPorts",
      "Env",
      "Entrypoint",
      "Cmd",
      "Volumes",
      "WorkingDir",
      "Labels",
      "StopSignal",
      "Healthcheck",
      "OnBuild",
      "Shell",
    ],
  );
}

function orderHealthcheck(check: Healthcheck): JsonObject {
  return orderFields(check, [
    "Test",
    "Interval",
    "Timeout",
    "StartPeriod",
    "StartInterval",
    "Retries",
  ]);
}

function orderHistoryEntry(entry: HistoryEntry): JsonObject {
  return orderFields(entry, ["created", "created_by", "author", "comment", "empty_layer"]);
}

/** A set of names as OCI writes it: a map to `{}`. */
export function nameSet(names: Iterable<string>): NameSet {
  return Object.fromEntries(Array.from(names, (name) => [name, {}]));
}

/** A time of `seconds` since 1970 as images carry it: RFC 3339 in UTC, whole seconds. */
export function formatCreated(seconds: number): string {
  return new Date(Math.floor(seconds) * 1000).toISOString().replace(".000Z", "Z");
}
