/**
 * Locking a Dockerfile: from its plans, one for each platform, to the images and the packages of each step.
 *
 * The stages of a plan come one after the other, each after those that it needs, and the state of its
 * packages (package-state.ts) is followed from step to step, by reading what scripts do with apk and by
 * solving as apk solves. Where a script cannot be read that far, the state is in doubt from there on, and
 * the lock says why. A recording of such a step, from a build that really ran it, clears the doubt.
 */
import { builtInKeys, type Key } from "../../../apk/index.ts";
import { BivyError, nearestName } from "../../../base/index.ts";
import { formatPlatform, formatReference, type Platform } from "../../../oci/index.ts";
import { type BuildPlan, type ExternalOrigin } from "../plan.ts";
import { stepsOf, type DockerfileLock, type LockedStep } from "./dockerfile-lock.ts";
import { type Finding } from "./finding.ts";
import { type ApkSurroundings } from "./follow-apk.ts";
import { StageFollower, type LockSources } from "./follow-stage.ts";
import { dockerfileRequest } from "./lock-request.ts";
import { type PackageState } from "./package-state.ts";
import { type Pins } from "./pinned-supply.ts";
import { Supply } from "./supply.ts";

export interface LockFinding extends Finding {
  readonly platform: string;
}

export interface LockResult {
  readonly lock: DockerfileLock;
  /** In the order of the build. Those that block stand in the lock too. */
  readonly findings: readonly LockFinding[];
}

/**
 * Locks the plans. Throws what reading indexes throws when the network fails, and `usage` for a package to
 * update that the lock does not have.
 */
export async function lockDockerfile(
  plans: readonly BuildPlan[],
  sources: LockSources,
): Promise<LockResult> {
  if (sources.previous !== undefined) requireLocked(sources.previous);
  const locker = new Locker(sources);
  for (const plan of plans) await locker.lockPlan(plan);
  return locker.result(plans);
}

function requireLocked({ lock, update }: NonNullable<LockSources["previous"]>): void {
  const names = new Set(
    lock.platforms.flatMap(({ steps }) =>
      steps.flatMap(({ packages }) => packages.map((each) => each.package.name)),
    ),
  );
  for (const name of update) {
    if (names.has(name)) continue;
    const near = nearestName(name, names);
    throw new BivyError("usage", `--update ${name}: the lock has no package of this name`, {
      hint: near === undefined ? "Name a package of the lock." : `Did you mean ${near}?`,
    });
  }
}

class Locker {
  readonly #sources: LockSources;
  readonly #supply: Supply;
  readonly #images = new Map<string, Map<string, string>>();
  readonly #platforms: { platform: string; steps: LockedStep[] }[] = [];
  readonly #keys = new Map<string, Key>();
  readonly #findings: LockFinding[] = [];

  constructor(sources: LockSources) {
    this.#sources = sources;
    this.#supply = new Supply(sources);
    this.#noteKeys(sources.keys);
  }

  async lockPlan(plan: BuildPlan): Promise<void> {
    const platform = formatPlatform(plan.target.platform);
    const steps: LockedStep[] = [];
    this.#platforms.push({ platform, steps });
    for (const { origin, platform: own } of plan.images) await this.#noteImage(origin, own);
    const states = new Map<number, PackageState>();
    for (const stage of plan.stages) {
      const follower = new StageFollower(
        plan,
        stage,
        platform,
        this.#sources,
        this.#surroundings(platform),
      );
      states.set(stage.index, await follower.follow(states));
      steps.push(...follower.steps);
      this.#findings.push(...follower.findings.map((finding) => ({ ...finding, platform })));
      this.#noteKeys(follower.keys);
    }
  }

  #surroundings(platform: string): ApkSurroundings {
    const { previous } = this.#sources;
    const pins: Pins | undefined = previous && {
      locked: stepsOf(previous.lock, platform).flatMap(({ packages }) => packages),
      update: new Set(previous.update),
    };
    return { supply: this.#supply, pins };
  }

  async #noteImage(origin: ExternalOrigin, platform: Platform): Promise<void> {
    const digest = (await this.#sources.image(origin, platform))?.digest;
    if (origin.kind !== "image" || digest === undefined) return;
    const reference = formatReference(origin.reference);
    const digests = this.#images.get(reference) ?? new Map<string, string>();
    this.#images.set(reference, digests.set(formatPlatform(platform), digest));
  }

  #noteKeys(keys: readonly Key[]): void {
    for (const key of keys) this.#keys.set(`${key.name} ${key.fingerprint}`, key);
  }

  result(plans: readonly BuildPlan[]): LockResult {
    const used = new Map<string, Iterable<string>>();
    const signers = new Set<string>();
    for (const { platform, steps } of this.#platforms)
      for (const { id, variables, packages } of steps) {
        used.set(JSON.stringify([platform, id]), variables.keys());
        for (const { signedBy } of packages) if (signedBy !== undefined) signers.add(signedBy);
      }
    const alpine = new Set(builtInKeys().map(({ fingerprint }) => fingerprint));
    const keys = Array.from(this.#keys.values()).filter(
      ({ name, fingerprint }) => signers.has(name) && !alpine.has(fingerprint),
    );
    const lock: DockerfileLock = {
      images: this.#images,
      keys: keys.sort((a, b) => (a.name < b.name ? -1 : 1)),
      platforms: this.#platforms.map(({ platform, steps }, index) => ({
        platform,
        request: dockerfileRequest(plans[index]!, (of, id) => {
          const names = used.get(JSON.stringify([of, id]));
          return names && Array.from(names);
        }),
        steps,
      })),
    };
    return { lock, findings: this.#findings };
  }
}
