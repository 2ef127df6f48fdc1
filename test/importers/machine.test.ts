/** Which programs a platform runs, by their bytes. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findPrograms } from "../../src/importers/programs.ts";
import type { PlatformString } from "../../src/model/platform.ts";
import { temporaryFolder } from "../support/folders.ts";
import { elf, elfFor, fatFor, mac, machoFor, pe, peFor } from "../support/machine-code.ts";

const bigElf = Buffer.from(elfFor(0));
bigElf[5] = 2;
bigElf.writeUInt16BE(elf.arm64, 18);
const swappedFat = fatFor([mac.arm64]).swap32();
const javaClass = Buffer.from("cafebabe0000003400", "hex");
const shell = Buffer.from("#!/bin/sh\n");

async function programsOf(
  files: Readonly<Record<string, Buffer>>,
  platform: PlatformString,
): ReturnType<typeof findPrograms> {
  const dir = temporaryFolder();
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(join(dir, name, ".."), { recursive: true });
    writeFileSync(join(dir, name), bytes);
  }
  return await findPrograms(dir, platform);
}

test.for<[string, Buffer, PlatformString]>([
  ["ELF of x86_64", elfFor(elf.amd64), "linux-x86_64"],
  ["ELF of arm64", elfFor(elf.arm64), "linux-aarch64"],
  ["big-endian ELF", bigElf, "linux-aarch64"],
  ["ELF that names Linux", elfFor(elf.amd64, 3), "linux-x86_64"],
  ["Mach-O of arm64", machoFor(mac.arm64), "darwin-arm64"],
  ["Mach-O of x86_64", machoFor(mac.amd64), "darwin-x86_64"],
  ["big-endian Mach-O", machoFor(mac.arm64, 0xfeedfacf, false), "darwin-arm64"],
  ["fat Mach-O of both", fatFor([mac.amd64, mac.arm64]), "darwin-x86_64"],
  ["fat Mach-O of both, the second", fatFor([mac.amd64, mac.arm64]), "darwin-arm64"],
  ["fat Mach-O with 64-bit offsets", fatFor([mac.amd64, mac.arm64], 0xcafebabf), "darwin-arm64"],
  ["fat Mach-O, other byte order", swappedFat, "darwin-arm64"],
  ["PE of x86_64", peFor(pe.amd64), "windows-x86_64"],
  ["PE of arm64 with a far header", peFor(pe.arm64, 0x800), "windows-arm64"],
  ["PE without a header in reach", peFor(pe.arm64, 0x2000), "windows-x86_64"],
  ["a program for every system", Buffer.from(`MZqFpD='\n${"\0".repeat(80)}`), "darwin-arm64"],
  ["a script of a shell", shell, "darwin-arm64"],
])("program: %s is one for its platform", async ([, bytes, platform]) => {
  expect(await programsOf({ tool: bytes }, platform)).toEqual({ found: ["tool"], others: [], misfit: undefined });
});

test.for<[Buffer, PlatformString, string]>([
  [machoFor(mac.amd64), "darwin-arm64", "darwin-x86_64: it needs Rosetta"],
  [fatFor([mac.i386, mac.amd64]), "darwin-arm64", "darwin/386 and darwin-x86_64: it needs Rosetta"],
  [peFor(pe.amd64), "windows-arm64", "windows-x86_64: it needs the emulation of Windows"],
  [peFor(pe.i386), "windows-x86_64", "windows/386: it needs the emulation of Windows"],
])("program: %# is emulated", async ([bytes, platform, words]) => {
  const text = `for ${platform}, "tool" is a program for ${words}`;
  expect(await programsOf({ tool: bytes }, platform)).toEqual({
    found: ["tool"],
    others: [],
    misfit: { isRunnable: true, text },
  });
});

test.for<[Buffer, PlatformString, string]>([
  [machoFor(mac.arm64), "darwin-x86_64", "darwin-arm64"],
  [machoFor(mac.arm64, 0xfeedfacf, false), "darwin-x86_64", "darwin-arm64"],
  [machoFor(mac.i386, 0xfeedface), "darwin-arm64", "darwin/386"],
  [machoFor(0x01000012, 0xfeedfacf, false), "darwin-x86_64", "darwin/0x1000012"],
  [fatFor([mac.arm64]), "darwin-x86_64", "darwin-arm64"],
  [fatFor([mac.arm64], 0xcafebabf), "darwin-x86_64", "darwin-arm64"],
  [fatFor([mac.arm64], 0xcafebabe, 44), "darwin-x86_64", "darwin-arm64"],
  [swappedFat, "darwin-x86_64", "darwin-arm64"],
  [fatFor([], 0xcafebabe, 2), "darwin-x86_64", "darwin"],
  [machoFor(mac.amd64), "linux-x86_64", "darwin-x86_64"],
  [peFor(pe.arm64), "windows-x86_64", "windows-arm64"],
  [peFor(pe.amd64), "darwin-x86_64", "windows-x86_64"],
  [elfFor(elf.amd64), "linux-aarch64", "linux-x86_64"],
  [elfFor(elf.arm64), "linux-x86_64", "linux-aarch64"],
  [elfFor(elf.amd64), "darwin-x86_64", "linux-x86_64"],
  [elfFor(elf.amd64, 9), "linux-x86_64", "freebsd/amd64"],
])("program: %# is for another platform", async ([bytes, platform, made]) => {
  const text = `for ${platform}, "tool" is a program for ${made}`;
  expect(await programsOf({ tool: bytes }, platform)).toEqual({
    found: [],
    others: ["tool"],
    misfit: { isRunnable: false, text },
  });
});

test("program: a Java class file is none, though it begins like a fat Mach-O", async () => {
  expect(await programsOf({ "Main.class": javaClass }, "darwin-arm64")).toEqual({
    found: [],
    others: [],
    misfit: undefined,
  });
});

test("program: the processor's own comes before one that is emulated, however deep", async () => {
  const files = { tool: machoFor(mac.amd64), "arm/bin/tool": machoFor(mac.arm64), "run.sh": shell };
  const { found, misfit } = await programsOf(files, "darwin-arm64");
  expect(found).toEqual(["run.sh", "arm/bin/tool", "tool"]);
  expect(misfit).toBe(undefined);
});

test("program: beside a script, one for another platform is named", async () => {
  const { found, misfit } = await programsOf({ "run.sh": shell, tool: elfFor(elf.amd64) }, "darwin-arm64");
  expect(found).toEqual(["run.sh"]);
  expect(misfit).toEqual({ isRunnable: true, text: 'for darwin-arm64, "tool" is a program for linux-x86_64' });
});
