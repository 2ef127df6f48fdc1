/** A neighbour who swaps whatever he finds in the shared cache, in a loop: each pull succeeds, and not once is anything else placed. */
import { spawn } from "node:child_process";
import { chmodSync, copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { sha256 } from "../support/layout-project.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool, toolManifest } from "../support/registry/tool.ts";
import { run } from "../support/run.ts";
import { neighbour, requireRoot, sharedCache } from "../support/shared-cache.ts";
import { gzipTar } from "../support/tar-of-one.ts";

/** CI asks for 60: some hundred pulls in a minute. */
const seconds = Number(process.env.NEIGHBOUR_SECONDS ?? 20);
const good = "#!/bin/sh\necho the tool\n".padEnd(200_000, "#");
const evil = "#!/bin/sh\necho the evil\n".padEnd(200_000, "#");

/** Runs as the neighbour: puts other files, links and folders in the place of blobs, staged files, notes and locks. */
const hostile = `
const { readdirSync, renameSync, writeFileSync, symlinkSync, mkdirSync, rmSync, utimesSync } = require("node:fs");
const { join } = require("node:path");
const [cache, evilFile, secret] = process.argv.slice(2);
const bytes = require("node:fs").readFileSync(evilFile);
let turn = 0;
const attempt = (work) => { try { work(); } catch {} };
function swap(path) {
  attempt(() => renameSync(path, path + ".away"));
  turn += 1;
  if (turn % 4 === 0) attempt(() => symlinkSync(secret, path));
  else if (turn % 7 === 0) attempt(() => mkdirSync(path));
  else attempt(() => writeFileSync(path, bytes, { flag: "wx", mode: 0o666 }));
  attempt(() => rmSync(path + ".away", { recursive: true, force: true }));
}
const step = () => {
  for (const folder of ["tmp", "metadata", "locks"]) attempt(() => {
    for (const name of readdirSync(join(cache, folder))) if (!name.endsWith(".away") && Math.random() < 0.3) swap(join(cache, folder, name));
  });
  attempt(() => {
    for (const two of readdirSync(join(cache, "oras"))) attempt(() => {
      for (const name of readdirSync(join(cache, "oras", two))) if (/^[0-9a-f]{64}$/.test(name) && Math.random() < 0.5) swap(join(cache, "oras", two, name));
    });
  });
  setTimeout(step, Math.random() * 4);
};
step();
`;

test(`${seconds} s of a hostile neighbour: each pull places the tool, and nothing else is placed`, async (context) => {
  requireRoot(context);
  const setpriv = requireProgram(context, "setpriv");
  const archive = gzipTar("tool", good);
  const cache = sharedCache(...[good, archive, toolManifest(good), toolManifest(archive)].map(sha256));
  const tools = await startServer(serveTool(good));
  const archives = await startServer(serveTool(archive));
  const place = temporaryFolder();
  chmodSync(place, 0o777);
  chmodSync(join(cache.dir, ".."), 0o755);
  const script = join(place, "neighbour.cjs");
  writeFileSync(script, hostile);
  writeFileSync(join(place, "evil"), evil, { mode: 0o644 });
  copyFileSync(inject("executable"), join(place, "buck2-oras.cjs"));
  chmodSync(join(place, "buck2-oras.cjs"), 0o644);
  const victim = ["--reuid=65533", "--regid=65533", "--clear-groups"];
  const ids = [`--reuid=${neighbour}`, `--regid=${neighbour}`, "--clear-groups"];
  const him = spawn(setpriv, [...ids, process.execPath, script, cache.dir, join(place, "evil"), cache.secret]);
  context.onTestFinished(() => void him.kill("SIGKILL"));

  let placed = 0;
  const wrong: string[] = [];
  const until = performance.now() + seconds * 1000;
  const env = { BUCK2_ORAS_CACHE_DIR: cache.dir, HOME: place, TMPDIR: place };
  const lane = async (args: readonly string[], result: string): Promise<void> => {
    for (let turn = 0; performance.now() < until; turn += 1) {
      const dir = join(place, `${args[0]}-${args.length}-${turn}`);
      const command = [process.execPath, join(place, "buck2-oras.cjs"), ...args, "-o", dir, "--timeout", "60"];
      const ran = await run(setpriv, [...victim, ...command], { env });
      if (ran.exitCode === 0) {
        placed += 1;
        const text = readFileSync(join(dir, result), "utf8");
        if (text !== good) wrong.push(`${args.join(" ")}: ${text.slice(0, 40)}`);
      } else {
        // The registry answers, so that nobody else is needed.
        wrong.push(`exit ${ran.exitCode}: ${ran.stderr}`);
      }
      rmSync(dir, { recursive: true, force: true });
      await delay(1);
    }
  };
  const blob = ["blob", `${tools.host}/t/tool@${sha256(good)}`, "--size", String(good.length)];
  const pull = ["pull", `${archives.host}/t/tool@${sha256(toolManifest(archive))}`, "--extract"];
  await Promise.all([lane(blob, ""), lane(pull, "tool")]);
  expect(wrong).toEqual([]);
  expect(placed).toBeGreaterThan(0);
  expect(him.exitCode).toBeNull();
  expect(cache.isSecretUntouched()).toBe(true);
}, 240_000);
