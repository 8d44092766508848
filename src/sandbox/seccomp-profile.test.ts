import assert from "node:assert/strict";
import { test } from "node:test";
import { dockerCapabilities, type Capability } from "./capabilities.ts";
import { seccompProfile } from "./seccomp-profile.ts";

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet: number;
  readonly args?: readonly { index: number; value: number; valueTwo: number; op: string }[];
}

const rulesOf = (capabilities: readonly Capability[], arch?: string): readonly Rule[] =>
  (seccompProfile(capabilities, arch) as { syscalls: readonly Rule[] }).syscalls;

const refusedBy = (capabilities: readonly Capability[]): ReadonlySet<string> =>
  new Set(rulesOf(capabilities).flatMap(({ names }) => names));

test("what a capability allows is refused without it only", () => {
  const without = refusedBy(dockerCapabilities);
  const pairs: readonly (readonly [string, Capability])[] = [
    ["mount", "sys_admin"],
    ["unshare", "sys_admin"],
    ["clone", "sys_admin"],
    ["clone3", "sys_admin"],
    ["bpf", "bpf"],
    ["reboot", "sys_boot"],
    ["init_module", "sys_module"],
    ["settimeofday", "sys_time"],
    ["open_by_handle_at", "dac_read_search"],
  ];
  for (const [call, capability] of pairs) {
    assert.ok(without.has(call), call);
    assert.ok(!refusedBy([...dockerCapabilities, capability]).has(call), call);
  }
});

test("keys and old faults are refused to all", () => {
  const all = refusedBy(["sys_admin", "bpf", "sys_boot", "sys_module", "sys_time", "sys_ptrace"]);
  for (const call of ["keyctl", "add_key", "userfaultfd", "io_uring_setup", "pivot_root"])
    assert.ok(all.has(call), call);
  for (const call of ["chroot", "mknod", "ptrace", "socket", "openat2"])
    assert.ok(!all.has(call), call);
});

test("clone is refused where it makes a namespace, and clone3 is not there", () => {
  const rules = rulesOf(dockerCapabilities);
  const flags = rules
    .filter(({ names }) => names.includes("clone"))
    .map(({ args }) => args![0]!)
    .map(({ index, value, valueTwo }) => (index === 0 && value === valueTwo ? value : -1));
  // CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET of sched.h.
  assert.equal(
    flags.reduce((sum, flag) => sum | flag, 0),
    0x7e02_0000,
  );
  assert.equal(flags.length, 7);
  assert.equal(rules.find(({ names }) => names.includes("clone3"))?.errnoRet, 38);
  const swapped = rulesOf(dockerCapabilities, "s390x").find(({ names }) => names.includes("clone"));
  assert.equal(swapped?.args?.[0]?.index, 1);
});
