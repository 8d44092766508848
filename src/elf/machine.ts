/** Machines: the names of the architectures that e_machine stands for, as uname has them. */
import type { ElfHeader } from "./header.ts";

const names: Readonly<Record<number, string>> = {
  3: "x86",
  8: "mips",
  20: "ppc",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "x86_64",
  183: "aarch64",
  243: "riscv64",
  258: "loongarch64",
};

/** Such as `x86_64`; a number where there is no name here. */
export function machineName({
  machine,
  class: elfClass,
  littleEndian,
}: Pick<ElfHeader, "machine" | "class" | "littleEndian">): string {
  if (machine === 21 && littleEndian) return "ppc64le";
  if (machine === 243 && elfClass === 32) return "riscv32";
  return names[machine] ?? String(machine);
}
