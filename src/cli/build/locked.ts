/** The lock that a Dockerfile is built from, and where its packages are. */
import type { LockedBuild } from "../../build/index.ts";
import { BivyError, readUserFile, tryParseDigest, type Digest } from "../../base/index.ts";
import type { Platform, Reference } from "../../oci/index.ts";
import { keptCopies } from "../image-arguments.ts";
import { absoluteFrom, lockFileOf } from "../lock/lock-file.ts";
import type { Session } from "../session.ts";
import type { DockerfileArgument } from "./argument.ts";
import type { SharedFlags } from "./shared-flags.ts";

export interface OpenLock {
  readonly build: LockedBuild;
  readonly pinned: (reference: Reference, platform: Platform) => Digest | undefined;
}

export async function openLock(
  argument: DockerfileArgument,
  { lock: flag }: SharedFlags,
  { access }: Session,
): Promise<OpenLock> {
  const { isDockerfileLock, parseDockerfileLock } = await import("../../build/index.ts");
  const { fetchPackage } = await import("../../apk/index.ts");
  const { formatPlatform, formatReference } = await import("../../oci/index.ts");
  const lockFile = lockFileOf(argument, flag);
  const bytes = await readUserFile(lockFile).catch((error: unknown) => {
    throw new BivyError("lock-missing", `${lockFile}: there is no lock`, {
      cause: error,
      hint: `Make it with bivy lock ${argument.folder ?? "."}, and keep it beside the Dockerfile.`,
    });
  });
  const text = Buffer.from(bytes).toString("utf8");
  if (!isDockerfileLock(text, lockFile))
    throw new BivyError(
      "lock-invalid",
      `${lockFile}: expected the lock of a Dockerfile, found that of a configuration`,
      {
        hint: "Make it anew with bivy lock, or name another one with --lock.",
      },
    );
  const lock = parseDockerfileLock(text, lockFile, absoluteFrom(lockFile));
  const packages = lock.platforms.flatMap(({ steps }) => steps.flatMap((step) => step.packages));
  const kept = keptCopies(lockFile, packages, access.events);
  return {
    build: {
      lock,
      subject: lockFile,
      source: (locked) => kept(locked) ?? fetchPackage(locked, access),
    },
    pinned(reference, platform) {
      const digest = lock.images.get(formatReference(reference))?.get(formatPlatform(platform));
      return digest === undefined ? undefined : tryParseDigest(digest);
    },
  };
}
