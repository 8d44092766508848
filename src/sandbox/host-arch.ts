/** Which architectures the commands of an image can have on this host. */
import { readFileSync } from "node:fs";

/** apk's name for what Node calls `process.arch`. */
const native: Readonly<Record<string, string>> = {
  x64: "x86_64",
  ia32: "x86",
  arm64: "aarch64",
  arm: "armv7",
  ppc64: "ppc64le",
  s390x: "s390x",
  riscv64: "riscv64",
  loong64: "loongarch64",
};

/** What the kernel of a native architecture runs besides: its 32-bit kind. */
const alsoRuns: Readonly<Record<string, readonly string[]>> = {
  x86_64: ["x86"],
  armv7: ["armhf"],
};

/** The names of qemu's interpreters, where they differ from apk's. */
const interpreters: Readonly<Record<string, string>> = {
  x86: "i386",
  armhf: "arm",
  armv7: "arm",
};

export function hostArch(): string {
  return native[process.arch] ?? process.arch;
}

/** Whether this host runs commands of `arch`, by itself or by a registered interpreter. */
export function canRunArch(arch: string, host = hostArch()): boolean {
  return arch === host || (alsoRuns[host]?.includes(arch) ?? false) || hasInterpreter(arch);
}

/** An interpreter counts only if the kernel holds it open (flag F): others are not found inside a root. */
function hasInterpreter(arch: string): boolean {
  try {
    const text = readFileSync(
      `/proc/sys/fs/binfmt_misc/qemu-${interpreters[arch] ?? arch}`,
      "utf8",
    );
    return text.startsWith("enabled") && /^flags:.*F/m.test(text);
  } catch {
    return false;
  }
}
