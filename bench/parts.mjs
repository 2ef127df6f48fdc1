/**
 * A large blob in one stream and in parts, over lines that limit a connection and lines that do not.
 *
 * `npm run bench:parts [-- --rounds N]`: whole pulls of 200 MB with a cold cache; the contenders take turns. Prints medians and writes every raw
 * figure to `bench/parts.json`.
 */
import { spawnSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../scripts/bundle.mjs";
import { executable, find, median, oras, startLink, startRegistry } from "./support.mjs";

const roundsFlag = process.argv.indexOf("--rounds");
const rounds = roundsFlag === -1 ? 5 : Number(process.argv[roundsFlag + 1]);
const work = mkdtempSync(join(tmpdir(), "buck2-oras-parts-"));

const blobBytes = 200_000_000;
const links = {
  loopback: {},
  "1 Gbit/s": { bitsPerSecond: 1e9 },
  "1 Gbit/s, 25 MB/s for a connection": { bitsPerSecond: 1e9, bitsPerSecondEach: 2e8 },
  "1 Gbit/s, 25 MB/s for a connection, answers after 100 ms": {
    bitsPerSecond: 1e9,
    bitsPerSecondEach: 2e8,
    roundTripMs: 100,
  },
};

/** Ours with so many transfers at a time; with one there are no parts. */
function ours(concurrency) {
  const dir = join(work, `ours-${concurrency}`);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ concurrency, cacheDir: "cache" }));
  return (host) => ({ command: [process.execPath, executable, "pull", `${host}/t/large:1`, "-o", "out"], cwd: dir });
}

function peer(name, args) {
  const dir = join(work, name);
  mkdirSync(dir, { recursive: true });
  return (host) => ({ command: [find(name), ...args(host)], cwd: dir });
}

const contenders = {
  "buck2-oras, one stream": ours(1),
  "buck2-oras, in parts": ours(4),
  "oras pull": peer("oras", (host) => ["pull", "--plain-http", `${host}/t/large:1`, "-o", "out"]),
};

function pullMs({ command, cwd }, env = {}) {
  for (const folder of ["cache", "out"]) rmSync(join(cwd, folder), { recursive: true, force: true });
  const [program, ...args] = command;
  const start = performance.now();
  const options = { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "pipe"] };
  const { status, stderr } = spawnSync(program, args, options);
  if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return performance.now() - start;
}

/** Peak of the resident memory of one of ours. */
function peakMb({ command: [program, ...args], cwd }) {
  const file = join(work, "peak");
  const command = [program, "--require", join(root, "bench/peak-memory.cjs"), ...args];
  pullMs({ command, cwd }, { PEAK_MEMORY_FILE: file });
  return (Number(readFileSync(file, "utf8")) * 1024) / 1e6;
}

const registry = await startRegistry(work);
const results = {
  node: process.version,
  cpu: cpus()[0]?.model ?? "unknown",
  cpus: cpus().length,
  blobBytes,
  rounds,
  pullMs: {},
  peakMb: {},
};
try {
  writeFileSync(join(work, "large"), randomFillSync(Buffer.alloc(blobBytes)));
  const publisher = { BUCK2_ORAS_CACHE_DIR: join(work, "publisher") };
  oras(["push", `${registry.host}/t/large:1`, join(work, "large"), "--compression", "none"], publisher);
  for (const [linkName, limits] of Object.entries(links)) {
    const link = await startLink(registry, limits);
    const raw = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
    for (let round = 0; round <= rounds; round += 1) {
      for (const [name, contender] of Object.entries(contenders)) {
        const elapsed = pullMs(contender(link.host));
        if (round > 0) raw[name].push(elapsed);
      }
    }
    results.peakMb[linkName] = peakMb(ours(4)(link.host));
    link.stop();
    results.pullMs[linkName] = raw;
    const medians = Object.entries(raw).map(([name, values]) => `${name} ${median(values).toFixed(0)} ms`);
    console.log(`${linkName}: ${medians.join(", ")}; in parts a peak of ${results.peakMb[linkName].toFixed(0)} MB`);
  }
  writeFileSync(join(root, "bench/parts.json"), `${JSON.stringify(results, null, 1)}\n`);
} finally {
  registry.stop();
  rmSync(work, { recursive: true, force: true });
}
