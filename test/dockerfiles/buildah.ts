/** The reference: Debian's buildah, with a storage of its own that ends with the test. */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { openArchive, selectPlatform, type Image } from "../../src/oci/index.ts";
import type { PlacedCase } from "./place.ts";

const execute = promisify(execFile);

export interface Buildah {
  /** Builds an image and gives it, or what buildah said when it could not. */
  build(placed: PlacedCase): Promise<Image | { readonly failure: string }>;
  /** Builds an image and pushes it into a registry without encryption; it must succeed. */
  publish(placed: PlacedCase, reference: string): Promise<void>;
}

/** Its own format is Docker's, since OCI's has no place for HEALTHCHECK, ONBUILD and SHELL. */
const buildFlags = [
  ["--format", "docker", "--isolation", "chroot", "--layers=false", "--identity-label=false"],
  // What the registry has does not change, and is pulled once.
  ["--pull=false", "--tls-verify=false", "--quiet"],
].flat();

/** Whether this is the version that the differences of the cases were written down for. */
export async function isBuildahKnown(): Promise<boolean> {
  const { stdout } = await execute("buildah", ["--version"]);
  return stdout.startsWith("buildah version 1.28.");
}

export function openBuildah(context: Pick<TestContext, "after">): Buildah {
  const folder = mkdtempSync(join(tmpdir(), "bivy-buildah-"));
  context.after(() => {
    unmountBelow(folder);
    rmSync(folder, { recursive: true, force: true });
  });
  const storage = ["--storage-driver", "overlay", "--root", join(folder, "storage")].concat(
    "--runroot",
    join(folder, "run"),
  );
  let count = 0;
  const bud = ({ words, context: files }: PlacedCase, destination: string) =>
    execute("buildah", [...storage, "bud", ...buildFlags, ...words, "-t", destination, files], {
      // Whoever runs the tests may have a proxy, which would be asked for the test's own servers.
      env: { PATH: process.env["PATH"], HOME: folder, TMPDIR: folder },
    });
  return {
    async build(placed) {
      const file = join(folder, `${++count}.tar`);
      try {
        await bud(placed, `docker-archive:${file}`);
      } catch (error) {
        return { failure: (error as { readonly stderr: string }).stderr };
      }
      return selectPlatform(await (await openArchive(file)).open());
    },
    async publish(placed, reference) {
      await bud(placed, `docker://${reference}`);
    },
  };
}

/** Buildah leaves mounts behind at times. */
function unmountBelow(folder: string): void {
  const places = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((place) => place.startsWith(`${folder}/`));
  for (const place of places.reverse()) execFileSync("umount", [place]);
}
