/**
 * The store of databases: `$XDG_DATA_HOME/bivy/advisories`, a layout like that of images, in which
 * `current` is what scans use and `previous` what it replaced. A name is given once all of a database is
 * there, so that a half-finished update never replaces a good one.
 */
import { dirname, join } from "node:path";
import type { Limits } from "../base/index.ts";
import {
  defaultStorePath,
  openStore,
  parseReference,
  type Image,
  type ImageStore,
} from "../oci/index.ts";
import { openDatabase, type AdvisoryDatabase } from "./database.ts";

export interface DatabaseStore {
  readonly path: string;
  /** Undefined where there is none yet. */
  current(): Promise<AdvisoryDatabase | undefined>;
  /** The database that an update replaced last. */
  previous(): Promise<AdvisoryDatabase | undefined>;
  /** Makes a database the current one; what neither name leads to is removed. */
  put(image: Image): Promise<void>;
}

export function defaultDatabasePath(environment: NodeJS.ProcessEnv = process.env): string {
  return join(dirname(defaultStorePath(environment)), "advisories");
}

const currentName = parseReference("localhost/advisories:current");
const previousName = parseReference("localhost/advisories:previous");

export function openDatabaseStore(path: string, limits: Limits): DatabaseStore {
  const store: ImageStore = openStore({ path, limits });
  const open = async (name: typeof currentName): Promise<AdvisoryDatabase | undefined> => {
    const image = await store.tryGet(name);
    return image === undefined ? undefined : openDatabase(image, limits, path);
  };
  return {
    path,
    current: () => open(currentName),
    previous: () => open(previousName),
    async put(image) {
      const before = await store.tryGet(currentName);
      if (before !== undefined && before.digest !== image.digest)
        await store.tag(currentName, previousName);
      await store.put(image, currentName);
      await store.collect();
      await store.close();
    },
  };
}
