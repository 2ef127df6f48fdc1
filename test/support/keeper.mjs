/**
 * Ends what a run of tests leaves behind, also when the run itself is killed.
 *
 * As a program, `node keeper.mjs FOLDER`: the run holds its stdin open. The kernel closes it with the run, whatever ended
 * that, and then every process of the run is killed and its folder removed.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";

function environmentOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    // It has ended, or belongs to somebody else.
    return "";
  }
}

/** Its words, and its parent's id. A process that has ended has no words. */
function describe(pid) {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim();
    const parent = Number(/^PPid:\s*([0-9]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    return { pid, parent, command };
  } catch {
    return { pid, parent: 0, command: "" };
  }
}

/** Processes that were started with the folder in their environment. Only Linux tells: none elsewhere. */
export function processesOf(folder) {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name) && Number(name) !== process.pid && environmentOf(name).includes(folder))
    .map((name) => describe(Number(name)))
    .filter(({ command }) => command !== "");
}

const rounds = 20;

/** Kills them and what they start meanwhile. */
export async function killAll(find) {
  for (let round = 0; round < rounds; round += 1) {
    const found = find();
    if (found.length === 0) return;
    for (const { pid } of found) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function removeFolder(folder) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2] ?? "";
  // Every environment has the empty text in it.
  if (!isAbsolute(folder) || !existsSync(folder)) throw new Error("usage: keeper.mjs FOLDER");
  for await (const _ of process.stdin);
  await killAll(() => processesOf(folder));
  removeFolder(folder);
}
