/** Accounts of an image configuration: users and groups that the image gets, and the user it runs as. */
import { absolutePath, id, largestId } from "./paths.ts";
import {
  fields,
  integer,
  listOf,
  note,
  quote,
  requireFields,
  textLike,
  type Reader,
} from "./reader.ts";

export interface ConfigUser {
  readonly username: string;
  readonly uid: number;
  readonly gid: number;
  readonly shell: string;
  readonly homedir: string;
}

export interface ConfigGroup {
  readonly groupname: string;
  readonly gid: number;
  readonly members: readonly string[];
}

// What etc/passwd and etc/group can hold, and useradd(8) lets through.
const name = textLike(
  /^[A-Za-z_][A-Za-z0-9_.-]{0,255}\$?$/,
  "a name of letters, digits, - _ and .",
);

// A colon or a line break would be a new field or a new entry in etc/passwd.
const passwdPath: Reader<string> = (node, at, reading) => {
  const path = absolutePath(node, at, reading);
  if (path === undefined || !/[:\n\r]/.test(path)) return path;
  return note(
    reading,
    node,
    `${at}: expected a path without : and line breaks, found ${quote(path)}`,
  );
};

const uid = integer(0, largestId);

const userFields = fields(
  { username: name, uid, gid: id, shell: passwdPath, homedir: passwdPath },
  { name: 'the field "username"', home: 'the field "homedir"' },
);

const user: Reader<ConfigUser> = (node, at, reading) => {
  const found = userFields(node, at, reading);
  if (found === undefined || !requireFields(reading, node, at, found, ["username", "uid"]))
    return undefined;
  if (found.uid === 0)
    return note(
      reading,
      node,
      `${at}.uid: expected a number from 1, found 0`,
      "To run as root, write run-as: 0; root exists in every image.",
    );
  return {
    username: found.username!,
    uid: found.uid!,
    gid: found.gid ?? found.uid!,
    shell: found.shell ?? "/bin/sh",
    homedir: found.homedir ?? `/home/${found.username!}`,
  };
};

const groupFields = fields(
  { groupname: name, gid: id, members: listOf(name) },
  { name: 'the field "groupname"', users: 'the field "members"' },
);

const group: Reader<ConfigGroup> = (node, at, reading) => {
  const found = groupFields(node, at, reading);
  if (found === undefined || !requireFields(reading, node, at, found, ["groupname", "gid"]))
    return undefined;
  return { groupname: found.groupname!, gid: found.gid!, members: found.members ?? [] };
};

/** A list whose items have names that differ. */
function named<T>(item: Reader<T>, nameOf: (value: T) => string): Reader<readonly T[]> {
  return (node, at, reading) => {
    const found = listOf(item)(node, at, reading);
    const double = firstDouble((found ?? []).map(nameOf));
    if (double !== undefined)
      note(reading, node, `${at}: expected names that differ, found ${quote(double)} twice`);
    return found;
  };
}

export function firstDouble(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((candidate) => seen.size === seen.add(candidate).size);
}

const runAs = textLike(
  /^(?:\d{1,10}|[A-Za-z_][A-Za-z0-9_.-]*\$?)(?::(?:\d{1,10}|[A-Za-z_][A-Za-z0-9_.-]*\$?))?$/,
  "a user: a name or an id, with :GROUP if need be",
);

export const accounts = fields(
  {
    "run-as": runAs,
    users: named(user, (found) => found.username),
    groups: named(group, (found) => found.groupname),
  },
  { user: 'the field "run-as" or "users"' },
);
