/** Owners of `--chown`: names of the image's etc/passwd and etc/group, or numbers. */
import { readAccounts, type Account } from "../../../apk/index.ts";
import { BivyError, nearestName, type Limits } from "../../../base/index.ts";
import { type Root } from "../../../tree/index.ts";

export interface CopyOwner {
  readonly uid: number;
  readonly gid: number;
}

export const rootOwner: CopyOwner = { uid: 0, gid: 0 };

/** -1 as an unsigned number tells chown(2) to leave the owner as it is. */
const largestId = 2 ** 32 - 2;

/**
 * What `USER[:GROUP]` means in a root. A user that is a number has the same group, one that is a name the
 * group that etc/passwd says; an empty part is 0, and `root` needs no file. Errors are
 * `dockerfile-invalid`.
 */
export async function resolveOwner(
  chown: string,
  root: Root,
  limits: Limits,
  isLinked: boolean,
): Promise<CopyOwner> {
  const colon = chown.indexOf(":");
  const user = colon === -1 ? chown : chown.slice(0, colon);
  const group = colon === -1 ? undefined : chown.slice(colon + 1);
  const named = [user, group].find((part) => part !== undefined && tryParseId(part) === undefined);
  if (named !== undefined && isLinked)
    throw new BivyError(
      "dockerfile-invalid",
      `--chown=${chown}: expected numbers with --link, found the name ${JSON.stringify(named)}`,
      { hint: "A linked copy does not look into the image: write numbers, or leave --link out." },
    );
  if (named === undefined) {
    const uid = tryParseId(user)!;
    return { uid, gid: group === undefined ? uid : tryParseId(group)! };
  }
  const { users, groups } = await readAccounts(root, limits);
  const account = findAccount(user, users, chown, "user", "/etc/passwd");
  if (group === undefined) return { uid: account.id, gid: account.groupId ?? account.id };
  return { uid: account.id, gid: findAccount(group, groups, chown, "group", "/etc/group").id };
}

function tryParseId(text: string): number | undefined {
  if (text === "" || text === "root") return 0;
  return /^\d{1,10}$/.test(text) && Number(text) <= largestId ? Number(text) : undefined;
}

function findAccount(
  name: string,
  accounts: ReadonlyMap<string, Account>,
  chown: string,
  kind: "user" | "group",
  file: string,
): Pick<Account, "id" | "groupId"> {
  const id = tryParseId(name);
  if (id !== undefined) return { id };
  const account = accounts.get(name);
  if (account !== undefined) return account;
  const near = nearestName(name, accounts.keys());
  const command = kind === "user" ? "adduser" : "addgroup";
  throw new BivyError(
    "dockerfile-invalid",
    `--chown=${chown}: the image has no ${kind} ${JSON.stringify(name)} in ${file}`,
    {
      hint:
        near === undefined
          ? `Make it first with RUN ${command}, or write a number.`
          : `Did you mean ${near}?`,
    },
  );
}
