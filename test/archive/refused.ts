/** What "refused" means for every hostile archive. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import type { ArchiveLimits } from "../../src/archive/limits.ts";
import { listArchive } from "../../src/archive/list.ts";
import type { ErrorCode } from "../../src/errors.ts";
import { temporaryFolder } from "../support/folders.ts";
import { neverAborted, temporaryFile, treeOf } from "./folders.ts";

/**
 * Unpacking it fails with `code` and exit 65, names the archive, and leaves neither the output nor anything beside it;
 * listing it fails alike.
 */
export async function expectRefused(
  bytes: Uint8Array,
  code: ErrorCode,
  message: RegExp,
  limits: Partial<ArchiveLimits> = {},
): Promise<void> {
  const archive = temporaryFile(bytes);
  const place = temporaryFolder();
  mkdirSync(join(place, "inside"));
  writeFileSync(join(place, "outside.txt"), "untouched");
  const before = treeOf(place);
  const options = { limits, signal: neverAborted };
  const error = { code, exitCode: 65, message: expect.stringMatching(message) };
  await expect(extractArchive(archive, join(place, "inside", "out"), options)).rejects.toMatchObject(error);
  await expect(extractArchive(archive, join(place, "inside", "out"), options)).rejects.toThrow(archive);
  expect(treeOf(place)).toEqual(before);
  await expect(extractArchive(archive, join(place, "inside"), options)).rejects.toMatchObject(error);
  expect(treeOf(place)).toEqual(before);
  await expect(listArchive(archive, options)).rejects.toMatchObject(error);
}
