/** The demo's program: the smallest ELF file that prints a text, for two architectures (elf(5)). */

export const demoArchs = ["x86_64", "aarch64"] as const;
export type DemoArch = (typeof demoArchs)[number];

/** ELF's number of the machine. */
const machines: Readonly<Record<DemoArch, number>> = { x86_64: 62, aarch64: 183 };

const fileHeaderSize = 64;
const programHeaderSize = 56;
const codeOffset = fileHeaderSize + programHeaderSize;
const loadAddress = 0x400000n;

/** An executable without libraries: one segment with the code, and the text behind it. */
export function demoProgram(arch: DemoArch, text: string): Uint8Array {
  const message = Buffer.from(text, "utf8");
  const code = arch === "x86_64" ? codeForX86(message.byteLength) : codeForArm(message.byteLength);
  const size = codeOffset + code.byteLength + message.byteLength;
  const file = Buffer.alloc(size);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(machines[arch], 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(loadAddress + BigInt(codeOffset), 24);
  file.writeBigUInt64LE(BigInt(fileHeaderSize), 32);
  file.writeUInt16LE(fileHeaderSize, 52);
  file.writeUInt16LE(programHeaderSize, 54);
  file.writeUInt16LE(1, 56);
  writeSegment(file, size);
  file.set(code, codeOffset);
  file.set(message, codeOffset + code.byteLength);
  return file;
}

/** The whole file is one loadable segment that can be read and run. */
function writeSegment(file: Buffer, size: number): void {
  const at = fileHeaderSize;
  file.writeUInt32LE(1, at);
  file.writeUInt32LE(5, at + 4);
  file.writeBigUInt64LE(loadAddress, at + 16);
  file.writeBigUInt64LE(loadAddress, at + 24);
  file.writeBigUInt64LE(BigInt(size), at + 32);
  file.writeBigUInt64LE(BigInt(size), at + 40);
  file.writeBigUInt64LE(0x1000n, at + 48);
}

/** write(1, text, length); exit(0). The text follows the code. */
function codeForX86(length: number): Buffer {
  const code = Buffer.from(
    "b801000000" + // mov eax, 1 (write)
      "bf01000000" + // mov edi, 1
      "488d3500000000" + // lea rsi, [rip + text]
      "ba00000000" + // mov edx, length
      "0f05" + // syscall
      "b83c000000" + // mov eax, 60 (exit)
      "31ff" + // xor edi, edi
      "0f05", // syscall
    "hex",
  );
  const afterLea = 17;
  code.writeInt32LE(code.byteLength - afterLea, 13);
  code.writeUInt32LE(length, 18);
  return code;
}

function codeForArm(length: number): Buffer {
  const instructions = [
    0xd2800020, // mov x0, 1
    0x10000001, // adr x1, text
    0xd2800002 + (length << 5), // mov x2, length
    0xd2800808, // mov x8, 64 (write)
    0xd4000001, // svc 0
    0xd2800000, // mov x0, 0
    0xd2800ba8, // mov x8, 93 (exit)
    0xd4000001, // svc 0
  ];
  // adr counts from its own address; the distance is a multiple of four, so it is all in the high part.
  instructions[1]! += (((instructions.length - 1) * 4) >> 2) << 5;
  const code = Buffer.alloc(instructions.length * 4);
  for (const [index, instruction] of instructions.entries())
    code.writeUInt32LE(instruction, index * 4);
  return code;
}
