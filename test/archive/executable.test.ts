import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { executableHeadBytes, isExecutable } from "../../src/archive/executable.ts";

const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(" ", ""), "hex");

test.each([
  ["ELF", "7f454c46 02010100"],
  ["a script", "2321"],
  ["PE", "4d5a 9000"],
  ["Mach-O, 32 bits", "feedface 00000007"],
  ["Mach-O, 64 bits", "feedfacf 01000007"],
  ["Mach-O, 32 bits, other byte order", "cefaedfe 07000000"],
  ["Mach-O, 64 bits, other byte order", "cffaedfe 0c000001"],
  ["fat Mach-O of two CPUs", "cafebabe 00000002"],
  ["fat Mach-O with 64-bit offsets", "cafebabf 00000002"],
  ["fat Mach-O, other byte order", "bebafeca 02000000"],
  ["fat Mach-O with 64-bit offsets, other byte order", "bfbafeca 02000000"],
])("isExecutable: %s is one", (_, hex) => {
  expect(isExecutable(bytes(hex))).toBe(true);
});

test.each([
  ["nothing", ""],
  ["one byte", "7f"],
  ["three bytes of ELF", "7f454c"],
  ["a class file of Java 1.1", "cafebabe 0003002d"],
  ["a class file of Java 21", "cafebabe 00000041"],
  ["a class file of Java 1.0.2 with minor 0", "cafebabe 0000002d"],
  ["fat magic and no count", "cafebabe"],
  ["fat magic and no CPU", "cafebabe 00000000"],
  ["text", "68656c6c6f0a"],
  ["gzip", "1f8b0800 00000000"],
  ["zip", "504b0304 14000000"],
  ["wasm", "0061736d 01000000"],
])("isExecutable: %s is none", (_, hex) => {
  expect(isExecutable(bytes(hex))).toBe(false);
});

test("isExecutable: the program that runs this test is one, by its first bytes and as part of a larger buffer", () => {
  const program = readFileSync(process.execPath);
  expect(isExecutable(program)).toBe(true);
  const shifted = Buffer.concat([Buffer.alloc(3), program.subarray(0, executableHeadBytes)]).subarray(3);
  expect(isExecutable(shifted)).toBe(true);
});
