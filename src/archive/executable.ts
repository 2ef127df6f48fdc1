/** Recognition of executables by their first bytes. */

/** Number of bytes that `isExecutable` examines. */
export const executableHeadBytes = 8;

/** Mach-O for one CPU: 32 and 64 bits, big-endian and little-endian. */
const machoMagics = new Set([0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe]);

/**
 * Java class files share the magic of a fat Mach-O. Their next word is the version, 45 or more (JVM specification,
 * 4.1). In a Mach-O the next word is the number of CPUs, which is always smaller.
 */
const lowestJavaVersion = 45;

/** The kind of a program: machine code, or a script that names its interpreter. */
export type ProgramKind = "binary" | "script";

/** @returns Undefined for data. */
export function programKind(head: Uint8Array): ProgramKind | undefined {
  if (head.length >= 2 && head[0] === 0x23 && head[1] === 0x21) return "script";
  return isBinary(head) ? "binary" : undefined;
}

/** True for ELF, Mach-O for one or several CPUs, PE, and scripts with `#!`. */
export function isExecutable(head: Uint8Array): boolean {
  return programKind(head) !== undefined;
}

function isBinary(head: Uint8Array): boolean {
  if (head.length >= 2 && head[0] === 0x4d && head[1] === 0x5a) return true;
  if (head.length < 4) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const magic = view.getUint32(0);
  if (magic === 0x7f454c46 || machoMagics.has(magic)) return true;
  const isBigEndian = magic === 0xcafebabe || magic === 0xcafebabf;
  const isLittleEndian = magic === 0xbebafeca || magic === 0xbfbafeca;
  if ((!isBigEndian && !isLittleEndian) || head.length < executableHeadBytes) return false;
  const cpuCount = view.getUint32(4, isLittleEndian);
  return cpuCount > 0 && cpuCount < lowestJavaVersion;
}
