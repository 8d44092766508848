/** Accounts of an image: the users and groups of a configuration, written to etc/passwd, etc/group and etc/shadow. */
import { plainPath } from "../../base/index.ts";
import type { Root } from "../../tree/index.ts";
import type { ApplyOptions } from "./apply.ts";
import type { ConfigGroup, ConfigUser } from "../config/accounts.ts";
import type { ImageConfig } from "../config/image-config.ts";
import { fieldName, inField } from "./field.ts";
import { changeText, ensureDirectory } from "./place.ts";

const hint = "Leave out the account, or the package that stands in its way.";

/**
 * Adds the groups and users, and makes the users' home directories. A name that a package brought
 * already gets the ids, home and shell of the configuration, and keeps its password; no other line is
 * touched.
 */
export async function applyAccounts(
  root: Root,
  config: ImageConfig,
  options: ApplyOptions,
): Promise<void> {
  const { users, groups } = config.accounts;
  const groupsField = fieldName(config, "accounts.groups");
  if (groups.length > 0)
    await inField(groupsField, hint, () =>
      changeText(root, "etc/group", (text) => groups.reduce(putGroup, text), options),
    );
  if (users.length === 0) return;
  const usersField = fieldName(config, "accounts.users");
  await inField(usersField, hint, async () => {
    await changeText(root, "etc/passwd", (text) => users.reduce(putUser, text), options);
    // Only where passwords are kept apart; without the line, PAM calls the account broken.
    if (root.lookup("etc/shadow") !== undefined)
      await changeText(root, "etc/shadow", (text) => users.reduce(putShadow, text), options);
  });
  for (const [index, user] of users.entries())
    await inField(`${usersField}[${index}].homedir`, hint, () =>
      makeHome(root, user, options.time),
    );
}

/** passwd(5): name, password, uid, gid, comment, home, shell. */
function putUser(text: string, user: ConfigUser): string {
  return putLine(text, user.username, (before) => [
    user.username,
    before?.[1] ?? "x",
    String(user.uid),
    String(user.gid),
    before?.[4] ?? "Account created by bivy",
    user.homedir,
    user.shell,
  ]);
}

/** group(5): name, password, gid, members. Members that packages brought stay. */
function putGroup(text: string, group: ConfigGroup): string {
  return putLine(text, group.groupname, (before) => {
    const members = (before?.[3] ?? "").split(",").filter((name) => name !== "");
    return [
      group.groupname,
      before?.[1] ?? "x",
      String(group.gid),
      [...new Set([...members, ...group.members])].join(","),
    ];
  });
}

/** shadow(5): an account that no password opens. */
function putShadow(text: string, user: ConfigUser): string {
  return putLine(
    text,
    user.username,
    (before) => before ?? [user.username, "!", "", "0", "", "", "", "", ""],
  );
}

/** Puts the line of a name in the place of its first one, or at the end. */
function putLine(
  text: string,
  name: string,
  make: (before: readonly string[] | undefined) => readonly string[],
): string {
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  const at = lines.findIndex((line) => line.startsWith(`${name}:`));
  const line = make(at === -1 ? undefined : lines[at]!.split(":")).join(":");
  if (at === -1) lines.push(line);
  else lines[at] = line;
  return `${lines.join("\n")}\n`;
}

/** As apko: private to its user, and left alone when it exists, for it may be `/` or `/bin`. */
function makeHome(root: Root, user: ConfigUser, time: number): void {
  if (user.homedir === "/dev/null") return;
  ensureDirectory(root, plainPath(user.homedir), {
    mode: 0o700,
    uid: user.uid,
    gid: user.gid,
    mtime: time,
  });
}
