/**
 * Bootstrapped bases: `FROM alpine:X` made from the packages of that release, where no registry gives the
 * image. It has what Alpine's own images have: the packages of its minirootfs, its repositories, `PATH`
 * and `/bin/sh`. Those take /etc/os-release from a package that they do not have installed; here it is,
 * from 3.17 on, where there is one of its own.
 */
import { type Access } from "../../../apk/index.ts";
import { BivyError, isBivyError } from "../../../base/index.ts";
import {
  archOfPlatform,
  formatPlatform,
  shortReference,
  type BlobStore,
  type Image,
  type Platform,
  type Reference,
} from "../../../oci/index.ts";
import { parseImageConfig } from "../../config/image-config.ts";
import { buildImage } from "../../declarative.ts";
import { loadBuildKeys } from "../../keys.ts";
import { resolveImage } from "../../resolve.ts";

export interface BootstrapOptions {
  readonly access: Access;
  readonly blobs: BlobStore;
  /** Take repositories without a trusted signature. */
  readonly allowUntrusted: boolean;
}

const repository = "docker.io/library/alpine";
const mirror = "https://dl-cdn.alpinelinux.org/alpine";

/** Undefined for what is no release of Alpine. */
export async function bootstrapBase(
  { registry, repository: path, tag }: Reference,
  platform: Platform,
  { access, blobs, allowUntrusted }: BootstrapOptions,
): Promise<Image | undefined> {
  const branch = branchOf(tag);
  if (`${registry}/${path}` !== repository || branch === undefined) return undefined;
  const arch = archOfPlatform(platform);
  if (arch === undefined)
    throw new BivyError(
      "platform-not-found",
      `${shortReference({ registry, repository: path, tag: tag! })}: Alpine has no packages for ${formatPlatform(platform)}`,
    );
  const resolve = async (packages: readonly string[]) => {
    const text = configOf(branch, arch, packages);
    const config = await parseImageConfig(text, { subject: `alpine:${tag}` });
    const keys = await loadBuildKeys(config, access);
    const resolution = await resolveImage(config, arch, access, { keys, allowUntrusted });
    return { config, keys, resolution };
  };
  const { config, keys, resolution } = await resolve([...basePackages, ...laterPackages]).catch(
    (error: unknown) => {
      if (!isBivyError(error, "world-unsatisfiable")) throw error;
      return resolve(basePackages);
    },
  );
  const { archs } = await buildImage({
    config,
    keys,
    resolutions: [resolution],
    access,
    blobs,
    contextFolder: "/",
  });
  return archs[0]!.image;
}

/** `3.19` and `3.19.1` are of the branch v3.19; a patch release cannot be told from another by packages. */
function branchOf(tag: string | undefined): string | undefined {
  if (tag === "edge") return "edge";
  const match = /^(\d+\.\d+)(?:\.\d+)?$/.exec(tag ?? "");
  return match === null ? undefined : `v${match[1]}`;
}

const basePackages = ["alpine-baselayout", "alpine-keys", "apk-tools", "busybox", "libc-utils"];
/** Since 3.17; before, busybox itself made /bin/sh. */
const laterPackages = ["busybox-binsh", "alpine-release"];

function configOf(branch: string, arch: string, packages: readonly string[]): string {
  return `contents:
  repositories:
    - ${mirror}/${branch}/main
    - ${mirror}/${branch}/community
  packages: [${packages.join(", ")}]
environment:
  PATH: /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cmd: /bin/sh
archs: [${arch}]
`;
}
