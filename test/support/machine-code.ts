/** The beginnings of native programs for a system and a processor. */

/** ELF, little-endian. @param machine `e_machine`. */
export function elfFor(machine: number, osAbi = 0): Buffer {
  const head = Buffer.alloc(64);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, osAbi]);
  head.writeUInt16LE(machine, 18);
  return head;
}

/** PE. @param start Offset of the header. */
export function peFor(machine: number, start = 0xf8): Buffer {
  const head = Buffer.alloc(start + 64);
  head.write("MZ", "latin1");
  head.writeUInt32LE(start, 0x3c);
  head.write("PE\0\0", start, "latin1");
  head.writeUInt16LE(machine, start + 4);
  return head;
}

export function machoFor(cpu: number, magic = 0xfeedfacf, isLittle = true): Buffer {
  const head = Buffer.alloc(4096);
  for (const [index, value] of [magic, cpu, 0, 2].entries()) {
    if (isLittle) head.writeUInt32LE(value, index * 4);
    else head.writeUInt32BE(value, index * 4);
  }
  return head;
}

/** Fat Mach-O. @param count The stated number of rows. */
export function fatFor(cpus: readonly number[], magic = 0xcafebabe, count = cpus.length): Buffer {
  const rowBytes = magic === 0xcafebabf ? 32 : 20;
  const head = Buffer.alloc(8 + cpus.length * rowBytes);
  head.writeUInt32BE(magic, 0);
  head.writeUInt32BE(count, 4);
  for (const [index, cpu] of cpus.entries()) head.writeUInt32BE(cpu, 8 + index * rowBytes);
  return head;
}

export const elf = { amd64: 0x3e, arm64: 0xb7, i386: 3 } as const;
export const pe = { amd64: 0x8664, arm64: 0xaa64, i386: 0x14c } as const;
export const mac = { amd64: 0x01000007, arm64: 0x0100000c, i386: 7 } as const;
