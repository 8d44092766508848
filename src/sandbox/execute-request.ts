/** What is asked of the sandbox by `execute`, and what it answers. */

/** The programs that can carry out a command; `unshare` stands for util-linux alone. */
export const runtimeNames = ["crun", "runc", "unshare", "bwrap"] as const;
export type RuntimeName = (typeof runtimeNames)[number];

export interface ExecuteRequest {
  /** Folders whose union the command sees, topmost first; they are never written to. 200 are sure to work. */
  readonly lowers: readonly string[];
  /** Takes what the command changes, in the form of an overlayfs upper. */
  readonly upper: string;
  /** An empty folder on the file system of `upper`. It is left full: remove it afterwards. */
  readonly work: string;
  /** Program and arguments; a program without a slash is looked for in the PATH of `environment`. */
  readonly command: readonly string[];
  /** All that the command finds in its environment, as NAME=VALUE. */
  readonly environment: readonly string[];
  /** Where the command starts: an absolute path in the root, which is there. */
  readonly directory: string;
  readonly user: SandboxUser;
  /** `none` is a network of its own with nothing but a loopback device. */
  readonly network: "none" | "host";
  /** All of bivy's own powers: every capability, devices, no seccomp, a writable /sys and /proc. */
  readonly privileged: boolean;
  /** Made in this order. */
  readonly mounts: readonly SandboxMount[];
  readonly hostname?: string | undefined;
  /** Undefined: the best that works here. */
  readonly runtime?: RuntimeName | undefined;
  readonly onOutput: (stream: "stdout" | "stderr", chunk: Buffer) => void;
  /** Aborting kills all processes of the command; the promise rejects once they are gone. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Gives the command the standard streams of this process, such as a terminal, instead of `onOutput`.
   * The runtime is then always `unshare`.
   */
  readonly interactive?: boolean | undefined;
}

export interface SandboxUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

/** `target` is an absolute path in the root, without symbolic links. */
export type SandboxMount = BindMount | OverlayMount | TmpfsMount | FileMount;

/** A file, folder or socket of the host. */
export interface BindMount {
  readonly kind: "bind";
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** The union of folders, or of it the file or folder at `subpath` ("" for all), without symbolic links. */
export interface OverlayMount {
  readonly kind: "overlay";
  /** Topmost first. */
  readonly lowers: readonly string[];
  readonly subpath: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Takes what is written there. */
  readonly upper: string;
  /** A folder on the file system of `upper`. */
  readonly work: string;
}

export interface TmpfsMount {
  readonly kind: "tmpfs";
  readonly target: string;
  /** In bytes; half of the memory when undefined. */
  readonly size?: number | undefined;
  /** 0o1777 when undefined. */
  readonly mode?: number | undefined;
}

/** A read-only file that is never on a disk of the host, such as a secret. */
export interface FileMount {
  readonly kind: "file";
  readonly target: string;
  readonly content: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface ExecuteResult {
  /** 128 + n where signal n ended the command; 127 where it was not found, 126 where it cannot be run. */
  readonly exitCode: number;
  /**
   * Plain paths of what was made in the root to mount on, parents before children. The caller removes
   * from `upper` what is still empty.
   */
  readonly stubs: readonly string[];
}
