/** Tells from the first bytes whether a file is one that an operating system can run. */

/** Bytes that `isExecutable` needs; more are ignored, fewer are no executable. */
export const executableHeadBytes = 8;

/** Mach-O of one CPU: 32 and 64 bits, as a big-endian and a little-endian machine write it. */
const machoMagics = new Set([0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe]);

/**
 * Java class files begin with the magic of a fat Mach-O. There the next word is the class file's version, 45 or more
 * (JVM specification, 4.1); here it is the count of CPUs, of which there never were as many.
 */
const lowestJavaVersion = 45;

/** ELF, Mach-O for one CPU or several, PE, or a script with `#!`. */
export function isExecutable(head: Uint8Array): boolean {
  if (head.length >= 2 && head[0] === 0x23 && head[1] === 0x21) return true;
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
