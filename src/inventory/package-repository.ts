/**
 * Package repositories: where an installed package came from, as far as that can be known. The database
 * does not say it; so only what leaves no other answer counts, and it is said what that is.
 */
import type { InstalledPackage, Repository } from "../apk/index.ts";

export interface PackageRepository {
  /** Such as `v3.19` or `edge`. */
  readonly branch: string;
  /** Such as `main`; absent where only the branch is known. */
  readonly name?: string;
  readonly url?: string;
  /**
   * `tag`: the package was installed as `name@tag`, and that repository has the tag. `only-branch`: all
   * repositories of the root are of one branch. `index`: an index has this very build.
   */
  readonly evidence: "tag" | "only-branch" | "index";
}

const branchForm = /\/(edge|v\d+\.\d+)(?:\/([\w.-]+))?$/;

/** The branch and name that the URL of one of Alpine's repositories, or of a mirror, ends in. */
export function repositoryOfUrl(
  url: string,
): { readonly branch: string; readonly name?: string } | undefined {
  const [, branch, name] = branchForm.exec(url) ?? [];
  if (branch === undefined) return undefined;
  return { branch, ...(name === undefined ? {} : { name }) };
}

/**
 * Finds the repositories of the packages of a root. `ownBranch` is that of its release files: a line of
 * another branch without a tag makes it unknown where packages came from, and no more.
 */
export function packageRepositories(
  repositories: readonly Repository[],
  ownBranch: string | undefined,
): (subject: Pick<InstalledPackage, "tag">) => PackageRepository | undefined {
  const untagged = repositories.filter(({ tag }) => tag === undefined);
  const branches = new Set(untagged.map(({ url }) => repositoryOfUrl(url)?.branch));
  const [only] = branches;
  const isOne = branches.size === 1 && only !== undefined && only === ownBranch;
  return ({ tag }) => {
    if (tag !== undefined) {
      const tagged = repositories.filter((each) => each.tag === tag);
      const [first, ...others] = tagged;
      const found = first && repositoryOfUrl(first.url);
      if (found === undefined) return undefined;
      if (others.length === 0) return { ...found, url: first!.url, evidence: "tag" };
      const isSame = others.every(({ url }) => repositoryOfUrl(url)?.branch === found.branch);
      return isSame ? { branch: found.branch, evidence: "tag" } : undefined;
    }
    if (!isOne) return undefined;
    const [one, ...more] = untagged;
    if (more.length > 0) return { branch: only, evidence: "only-branch" };
    return { ...repositoryOfUrl(one!.url)!, url: one!.url, evidence: "only-branch" };
  };
}
