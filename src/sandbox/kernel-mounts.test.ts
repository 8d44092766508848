import assert from "node:assert/strict";
import { test } from "node:test";
import { kernelMounts, procMounts } from "./kernel-mounts.ts";
import { formatMountTable } from "./mount-table.ts";
import type { Surroundings } from "./surroundings.ts";

const ofMachine: Surroundings = {
  inUserNamespace: false,
  hasTtyGroup: true,
  ownSys: true,
  hasMessageQueues: true,
  hasUnifiedCgroups: false,
};

interface Case {
  readonly name: string;
  readonly request?: { readonly network?: "none" | "host"; readonly privileged?: boolean };
  readonly around?: Partial<Surroundings>;
  readonly has?: readonly string[];
  readonly lacks?: readonly RegExp[];
}

const sealed = "nosuid,nodev,noexec 0 0";
const ownSys = `sysfs r/sys sysfs ro,${sealed}`;
const hostSys = `/sys r/sys none rbind,ro,${sealed}`;
const cgroups = `cgroup r/sys/fs/cgroup cgroup2 ro,${sealed}`;

const cases: readonly Case[] = [
  {
    name: "root of the machine has a /sys of its own, and no cgroups of version 1",
    has: [
      ownSys,
      "devpts r/dev/pts devpts newinstance,ptmxmode=0666,mode=0620,gid=5,nosuid,noexec 0 0",
    ],
    lacks: [/fs\/cgroup/],
  },
  { name: "so it has with the host's network", request: { network: "host" }, has: [ownSys] },
  {
    name: "unified cgroups are shown",
    around: { hasUnifiedCgroups: true },
    has: [ownSys, cgroups],
  },
  { name: "a user namespace has one too", around: { inUserNamespace: true }, has: [ownSys] },
  {
    name: "but not with the host's network",
    request: { network: "host" },
    around: { inUserNamespace: true, hasUnifiedCgroups: true },
    has: [hostSys, cgroups],
  },
  { name: "or where the kernel refuses it", around: { ownSys: false }, has: [hostSys] },
  {
    name: "groups that are not mapped own no terminals",
    around: { hasTtyGroup: false },
    lacks: [/gid=5/],
  },
  {
    name: "not every kernel has message queues",
    around: { hasMessageQueues: false },
    lacks: [/mqueue/],
  },
  {
    name: "a privileged command may write to /sys",
    request: { privileged: true },
    has: [`sysfs r/sys sysfs rw,${sealed}`],
    lacks: [/firmware/],
  },
];

for (const { name, request, around, has = [], lacks = [] } of cases)
  test(name, () => {
    const asked = { network: "none", privileged: false, ...request } as const;
    const table = formatMountTable(kernelMounts("r", "d", asked, { ...ofMachine, ...around }));
    const lines = table.trimEnd().split("\n");
    for (const line of has) assert.ok(lines.includes(line), `${line}\n${table}`);
    for (const pattern of lacks) assert.doesNotMatch(table, pattern);
    const place = (line: string): number => lines.findIndex((each) => each.startsWith(line));
    assert.ok(place("d r/dev ") < place("/dev/null r/dev/null "), "parents come first");
  });

test("/proc is guarded, unless the command is privileged", () => {
  const table = formatMountTable(procMounts("r", false));
  assert.match(table, /^proc r\/proc proc nosuid,nodev,noexec 0 0\n/);
  assert.match(table, /^r\/proc\/sys r\/proc\/sys none bind,ro,nosuid,nodev,noexec 0 0$/m);
  assert.equal(formatMountTable(procMounts("r", true)).split("\n").length, 2);
});
