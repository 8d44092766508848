/**
 * The seccomp profile of a sandbox: system calls that are refused whatever the user, because they are
 * not confined by namespaces or have often been the way out. They are those that Docker's documentation
 * lists as blocked by its default profile, and their successors.
 *
 * Docker's profile allows what it names and refuses all else. This one refuses what it names: a list of
 * all that is harmless has hundreds of entries, must grow with every kernel, and breaks commands that
 * are newer than itself. Namespaces and capabilities confine a command with or without it.
 */
import type { Capability } from "./capabilities.ts";

interface RefusedCalls {
  readonly names: readonly string[];
  /** A command that has one of these may make the calls. */
  readonly unless?: readonly Capability[];
}

const refused: readonly RefusedCalls[] = [
  // Keys and swap areas belong to the whole machine.
  { names: ["add_key", "keyctl", "request_key", "swapon", "swapoff"] },
  // Asynchronous calls pass by seccomp itself; page faults on demand make races easy to win.
  { names: ["io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd"] },
  // Obsolete, and no longer looked after.
  {
    names: [
      "_sysctl",
      "nfsservctl",
      "sysfs",
      "uselib",
      "ustat",
      "vm86",
      "vm86old",
      "lookup_dcookie",
    ],
  },
  { names: ["pivot_root"] },
  {
    names: [
      "fsconfig",
      "fsmount",
      "fsopen",
      "fspick",
      "mount",
      "mount_setattr",
      "move_mount",
      "open_tree",
      "quotactl",
      "quotactl_fd",
      "setdomainname",
      "sethostname",
      "setns",
      "umount",
      "umount2",
      "unshare",
    ],
    unless: ["sys_admin"],
  },
  { names: ["bpf"], unless: ["sys_admin", "bpf"] },
  { names: ["perf_event_open"], unless: ["sys_admin", "perfmon"] },
  { names: ["acct"], unless: ["sys_pacct"] },
  { names: ["clock_adjtime", "clock_settime", "settimeofday", "stime"], unless: ["sys_time"] },
  {
    names: [
      "create_module",
      "delete_module",
      "finit_module",
      "get_kernel_syms",
      "init_module",
      "query_module",
    ],
    unless: ["sys_module"],
  },
  { names: ["get_mempolicy", "mbind", "move_pages", "set_mempolicy"], unless: ["sys_nice"] },
  { names: ["ioperm", "iopl"], unless: ["sys_rawio"] },
  { names: ["kcmp", "pidfd_getfd"], unless: ["sys_ptrace"] },
  { names: ["kexec_file_load", "kexec_load", "reboot"], unless: ["sys_boot"] },
  { names: ["open_by_handle_at"], unless: ["dac_read_search"] },
];

/** Flags of clone(2) that make new namespaces: of mounts, cgroups, host names, ipc, users, processes, network. */
const namespaceFlags = [
  0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000,
];

/** Error numbers of Linux. */
const notPermitted = 1;
const notImplemented = 38;

/** Whose calls are filtered: those of the machine, and those of the 32-bit programs that it runs too. */
const architectures: Readonly<Record<string, readonly string[]>> = {
  x64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  arm64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
};

/** As `linux.seccomp` of the OCI runtime specification. */
export function seccompProfile(
  capabilities: readonly Capability[],
  arch: string = process.arch,
): object {
  const names = refused
    .filter(({ unless = [] }) => !unless.some((name) => capabilities.includes(name)))
    .flatMap((group) => group.names);
  const clones = capabilities.includes("sys_admin")
    ? []
    : [
        ...namespaceFlags.map((flag) => ({
          names: ["clone"],
          action: "SCMP_ACT_ERRNO",
          errnoRet: notPermitted,
          // s390 swaps the first two arguments.
          args: [
            {
              index: arch === "s390x" ? 1 : 0,
              value: flag,
              valueTwo: flag,
              op: "SCMP_CMP_MASKED_EQ",
            },
          ],
        })),
        // A filter cannot read the flags of clone3; told that there is none, C libraries take clone.
        { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: notImplemented },
      ];
  return {
    defaultAction: "SCMP_ACT_ALLOW",
    ...(Object.hasOwn(architectures, arch) ? { architectures: architectures[arch] } : {}),
    syscalls: [{ names, action: "SCMP_ACT_ERRNO", errnoRet: notPermitted }, ...clones],
  };
}
