/** A shell script that runs a command where no Node is to be found. */
import { spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { Skippable } from "./peers.ts";

/** Folders of the PATH of these tests, and of a shell's own, which serves where no PATH is set. */
function searchedFolders(): readonly string[] {
  const shells = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  return [...(process.env.PATH ?? "").split(":"), ...shells];
}

/** Every Node of those folders, and the one that runs this. */
function nodes(): readonly string[] {
  const found = searchedFolders()
    .flatMap((folder) => ["node", "nodejs"].map((name) => join(folder, name)))
    .filter((path) => existsSync(path));
  return [...new Set([process.execPath, ...found].map((path) => realpathSync(path)))];
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Lines of a script for `/bin/sh`; a system that gives no namespaces to its users skips the test. */
export function withoutNode(context: Skippable): readonly string[] {
  const hidden = nodes().map((path) => `mount --bind /dev/null ${quoted(path)}`);
  const inner = [...hidden, 'exec "$@"'].join(" && ");
  const line = (words: string): string =>
    `exec unshare --map-root-user --mount /bin/sh -c ${quoted(inner)} sh ${words}`;
  const probe = spawnSync("/bin/sh", ["-c", line("/bin/sh -c 'command -v node || echo none'")], { encoding: "utf8" });
  if (probe.stdout !== "none\n")
    return context.skip(`Node cannot be hidden here: ${probe.stderr ?? ""}${probe.stdout ?? ""}`);
  return [line('"$@"')];
}
