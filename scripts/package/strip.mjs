/** Node without its symbols, which are an eighth of its size. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { ownPlatform } from "./nodes.mjs";

/** Only GNU's own `strip` of a machine knows no other processor. */
function stripPrograms(platform) {
  return platform === ownPlatform ? ["strip", "llvm-strip"] : ["llvm-strip"];
}

/**
 * Windows keeps symbols in files of their own, and on macOS nobody has tried it yet: both stay as they are.
 *
 * @returns path of the stripped copy beside the file; the file itself where nothing strips it
 */
export function stripped(file, platform) {
  if (!platform.startsWith("linux-")) return file;
  const copy = join(dirname(file), "node-stripped");
  if (existsSync(copy)) return copy;
  const staged = `${copy}.${process.pid}`;
  for (const program of stripPrograms(platform)) {
    copyFileSync(file, staged);
    if (spawnSync(program, [staged], { stdio: "ignore" }).status !== 0) continue;
    renameSync(staged, copy);
    return copy;
  }
  console.log(`${platform}: not stripped, install ${stripPrograms(platform).join(" or ")} for a smaller file`);
  return file;
}
