/** Resolving: from the packages that a configuration asks for to the very files that satisfy it. */
import {
  addressIn,
  isAlpineRepository,
  loadIndex,
  packageLabel,
  parseAtom,
  solve,
  sortWorld,
  unsatisfiableError,
  type Access,
  type Atom,
  type LoadedIndex,
  type Package,
  type Repository,
} from "../apk/index.ts";
import { BivyError, ignoreEvents } from "../base/index.ts";
import { showUrl } from "../http/index.ts";
import { buildRepositories, keyringFor, type BuildKeys } from "./keys.ts";
import type { ImageConfig } from "./config/image-config.ts";

export interface ResolvedPackage {
  readonly package: Package;
  /** The URL or path of its repository, and of its file. */
  readonly repository: string;
  readonly location: string;
  /** Of the repository that it comes from. */
  readonly tag?: string;
  /** The name of the key that signed the index which vouches for it. */
  readonly signedBy?: string;
}

/** The packages of one architecture, in the order in which they are installed. */
export interface Resolution {
  readonly arch: string;
  readonly world: readonly Atom[];
  readonly packages: readonly ResolvedPackage[];
}

export interface ResolveOptions {
  readonly keys: BuildKeys;
  /** Take indexes without a trusted signature. */
  readonly allowUntrusted: boolean;
}

/** Loads the indexes and solves. Throws `world-unsatisfiable` with the root cause first. */
export async function resolveImage(
  config: ImageConfig,
  arch: string,
  access: Access,
  options: ResolveOptions,
): Promise<Resolution> {
  const world = sortWorld(config.contents.packages.map(parseAtom));
  const repositories = buildRepositories(config);
  if (repositories.length === 0 && world.length > 0)
    throw new BivyError(
      "config-invalid",
      `${config.sources[0] ?? "configuration"}: packages are asked for, but no repository is named`,
      {
        hint: "Name one under contents.repositories, such as https://dl-cdn.alpinelinux.org/alpine/v3.20/main.",
      },
    );
  requireTags(world, repositories, config);
  const keyring = options.allowUntrusted ? undefined : keyringFor(arch, options.keys);
  const indexes = await Promise.all(
    repositories.map((repository) => loadIndex(repository, arch, keyring, access)),
  );
  const solution = solve({
    world,
    supply: {
      installed: [],
      repositories: indexes.map(({ repository, packages }) => ({
        packages,
        url: repository.url,
        ...(repository.tag === undefined ? {} : { tag: repository.tag }),
      })),
      architectures: [arch],
    },
  });
  if (solution.kind === "failure") throw unsatisfiableError(solution);
  const packages = solution.changes.flatMap(({ next, repositories: places }) =>
    next === undefined ? [] : [placePackage(next, indexes[places[0] ?? 0]!, arch)],
  );
  warnOfStandIns(packages, indexes, access);
  return { arch, world, packages };
}

/**
 * The solver takes a tag that no repository has for none. apk refuses such a world, and so does bivy:
 * the package would silently come from elsewhere.
 */
function requireTags(
  world: readonly Atom[],
  repositories: readonly Repository[],
  config: ImageConfig,
): void {
  for (const { name, tag } of world) {
    if (tag === undefined || repositories.some((each) => each.tag === tag)) continue;
    throw new BivyError(
      "config-invalid",
      `${config.sources[0] ?? "configuration"}: ${name}@${tag}: expected a repository with the tag ${tag}, found none`,
      {
        hint: `Give the repository that has it the tag, such as "@${tag} https://dl-cdn.alpinelinux.org/alpine/edge/main", or leave @${tag} out. Those of runtime_repositories do not count.`,
      },
    );
  }
}

/** A package of an index, with the places that it comes from. */
export function placePackage(subject: Package, index: LoadedIndex, arch: string): ResolvedPackage {
  const { repository, verified } = index;
  return {
    package: subject,
    repository: repository.url,
    location: addressIn(repository, arch, subject).location,
    ...(repository.tag === undefined ? {} : { tag: repository.tag }),
    ...(verified === undefined ? {} : { signedBy: verified.key.name }),
  };
}

/**
 * A third party's repository may carry a package that Alpine has too, and a higher version there wins.
 * That can be meant; it can also be how somebody gets a musl of his own into an image.
 */
function warnOfStandIns(
  packages: readonly ResolvedPackage[],
  indexes: readonly LoadedIndex[],
  access: Access,
): void {
  const alpine = new Set<string>();
  for (const { repository, packages: theirs } of indexes)
    if (isAlpineRepository(repository.url)) for (const { name } of theirs) alpine.add(name);
  const report = access.events ?? ignoreEvents;
  for (const { package: subject, repository, tag } of packages)
    if (tag === undefined && !isAlpineRepository(repository) && alpine.has(subject.name))
      report({
        type: "warning",
        text: `${packageLabel(subject)} comes from ${showUrl(repository)}, though Alpine has a package of that name`,
        hint: `If that is meant, give the repository a tag and ask for ${subject.name}@TAG.`,
      });
}

/** The repositories of a configuration, as far as they decide what is resolved. */
export function describeRepositories(repositories: readonly Repository[]): string[] {
  return repositories.map(({ url, tag }) => showUrl(tag === undefined ? url : `@${tag} ${url}`));
}
