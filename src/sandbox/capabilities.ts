/** Capabilities: what remains of root's powers in a sandbox (capabilities(7)). */
import { readFileSync } from "node:fs";

/** All capabilities; the place in the list is the kernel's number. */
const allCapabilities = [
  "chown",
  "dac_override",
  "dac_read_search",
  "fowner",
  "fsetid",
  "kill",
  "setgid",
  "setuid",
  "setpcap",
  "linux_immutable",
  "net_bind_service",
  "net_broadcast",
  "net_admin",
  "net_raw",
  "ipc_lock",
  "ipc_owner",
  "sys_module",
  "sys_rawio",
  "sys_chroot",
  "sys_ptrace",
  "sys_pacct",
  "sys_admin",
  "sys_boot",
  "sys_nice",
  "sys_resource",
  "sys_time",
  "sys_tty_config",
  "mknod",
  "lease",
  "audit_write",
  "audit_control",
  "setfcap",
  "mac_override",
  "mac_admin",
  "syslog",
  "wake_alarm",
  "block_suspend",
  "audit_read",
  "perfmon",
  "bpf",
  "checkpoint_restore",
] as const;
export type Capability = (typeof allCapabilities)[number];

/** What Docker leaves to a container, and so what Dockerfiles count on. */
export const dockerCapabilities: readonly Capability[] = [
  "chown",
  "dac_override",
  "fowner",
  "fsetid",
  "kill",
  "setgid",
  "setuid",
  "setpcap",
  "net_bind_service",
  "net_raw",
  "sys_chroot",
  "mknod",
  "audit_write",
  "setfcap",
];

/** What this process may do itself, and so all that it can pass on. */
function ownCapabilities(): readonly Capability[] {
  const mask = /^CapPrm:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  const bits = BigInt(`0x${mask ?? "0"}`);
  return allCapabilities.filter((_, number) => ((bits >> BigInt(number)) & 1n) === 1n);
}

/** What a command is left with, as far as this process has it to give. */
export function grantedCapabilities(privileged: boolean): readonly Capability[] {
  const own = ownCapabilities();
  return privileged ? own : dockerCapabilities.filter((name) => own.includes(name));
}
