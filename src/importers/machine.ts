/** Systems and processors of native programs, read from their first bytes. */
import { ociPlatform, type PlatformString, platformFromOci } from "../model/platform.ts";

/** Bytes that `machineOf` examines: a fat Mach-O's table, and a PE header after a usual stub for DOS. */
export const machineHeadBytes = 4096;

export interface Machine {
  /** OCI's word. */
  readonly os: string;
  /** OCI's words; other processors by their numbers. Undefined: the header does not state a processor. */
  readonly architectures: readonly string[] | undefined;
}

/** Whether a platform runs a program: by itself, with another processor's emulation, or not. */
export type Fit = "native" | "emulated" | "foreign";

const architectureOf = (names: Readonly<Record<number, string>>, value: number): string =>
  names[value] ?? `0x${value.toString(16)}`;

/** System V ABI, "ELF Header", `e_machine`. */
const elfMachines: Readonly<Record<number, string>> = { 3: "386", 40: "arm", 62: "amd64", 183: "arm64" };
/** System V ABI, "ELF Identification", `EI_OSABI`; Linux has 0 or 3. */
const elfSystems: Readonly<Record<number, string>> = { 2: "netbsd", 6: "solaris", 9: "freebsd", 12: "openbsd" };
/** Microsoft, "PE Format", "Machine Types". */
const peMachines: Readonly<Record<number, string>> = { 332: "386", 452: "arm", 34404: "amd64", 43620: "arm64" };
/** Apple, `mach/machine.h`, `cpu_type_t`. */
const machoCpus: Readonly<Record<number, string>> = { 7: "386", 12: "arm", 16777223: "amd64", 16777228: "arm64" };

/** Mach-O for one processor; true: little-endian. */
const thinMagics: ReadonlyMap<number, boolean> = new Map([
  [0xfeedface, false],
  [0xfeedfacf, false],
  [0xcefaedfe, true],
  [0xcffaedfe, true],
]);
/** Fat Mach-O: bytes of a row of the table, and whether the numbers are little-endian. */
const fatMagics: ReadonlyMap<number, { readonly rowBytes: number; readonly little: boolean }> = new Map([
  [0xcafebabe, { rowBytes: 20, little: false }],
  [0xcafebabf, { rowBytes: 32, little: false }],
  [0xbebafeca, { rowBytes: 20, little: true }],
  [0xbfbafeca, { rowBytes: 32, little: true }],
]);

/**
 * The machine of a native program.
 *
 * @param head The first bytes of a program that `isExecutable` recognizes: a Java class file is none.
 * @returns Undefined for a script, and for a program that runs on several systems.
 */
export function machineOf(head: Uint8Array): Machine | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  if (bytes.toString("latin1", 0, 2) === "MZ") return peMachine(bytes);
  if (bytes.length < 8) return undefined;
  const magic = bytes.readUInt32BE(0);
  if (magic === 0x7f454c46) return elfMachine(bytes);
  const thin = thinMagics.get(magic);
  const read = (offset: number, little: boolean): number =>
    little ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset);
  if (thin !== undefined) return { os: "darwin", architectures: [architectureOf(machoCpus, read(4, thin))] };
  const fat = fatMagics.get(magic);
  if (fat === undefined) return undefined;
  const architectures: string[] = [];
  const end = Math.min(8 + read(4, fat.little) * fat.rowBytes, bytes.length - 3);
  for (let offset = 8; offset < end; offset += fat.rowBytes) {
    architectures.push(architectureOf(machoCpus, read(offset, fat.little)));
  }
  return { os: "darwin", architectures };
}

function elfMachine(bytes: Buffer): Machine {
  const os = elfSystems[bytes[7] ?? 0] ?? "linux";
  if (bytes.length < 20) return { os, architectures: undefined };
  const value = bytes[5] === 2 ? bytes.readUInt16BE(18) : bytes.readUInt16LE(18);
  return { os, architectures: [architectureOf(elfMachines, value)] };
}

function peMachine(bytes: Buffer): Machine | undefined {
  // Programs of Cosmopolitan Libc run on every system, and begin like a PE.
  if (bytes.toString("latin1", 0, 6) === "MZqFpD") return undefined;
  const start = bytes.length < 0x40 ? bytes.length : bytes.readUInt32LE(0x3c);
  const isKnown = start + 6 <= bytes.length && bytes.readUInt32BE(start) === 0x50450000;
  const architectures = isKnown ? [architectureOf(peMachines, bytes.readUInt16LE(start + 4))] : undefined;
  return { os: "windows", architectures };
}

/** Whether a platform runs a machine's programs. A header without a processor counts by its system alone. */
export function fitOf({ os, architectures }: Machine, platform: PlatformString): Fit {
  const wanted = ociPlatform(platform);
  if (os !== wanted.os) return "foreign";
  if (architectures === undefined || architectures.includes(wanted.architecture)) return "native";
  // Apple, "Rosetta"; Microsoft, "How emulation works on Arm", and "Running 32-bit Applications" (WOW64).
  const isRosetta = os === "darwin" && wanted.architecture === "arm64" && architectures.includes("amd64");
  const isWindows = os === "windows" && architectures.some((one) => one === "386" || one === "amd64");
  const isUpward = architectures.includes("386") || wanted.architecture === "arm64";
  return isRosetta || (isWindows && isUpward) ? "emulated" : "foreign";
}

/** The platforms of a machine for messages: `darwin-x86_64`, or `linux/386` outside the table. */
export function machineText({ os, architectures = [] }: Machine): string {
  const texts = architectures.map((architecture) => platformFromOci({ os, architecture }) ?? `${os}/${architecture}`);
  return texts.length === 0 ? os : texts.join(" and ");
}
