/** Facts without a race: requests of a pull, and peak memory. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { root } from "../../scripts/bundle.mjs";
import { emptyFolder, emptyStore } from "../harness/bench.mjs";
import { lockOf, toolCount } from "../harness/checkout.mjs";
import { runProgram } from "../harness/run-program.mjs";
import { executable } from "../support.mjs";
import { coldBlob } from "./blobs.mjs";

const requestLine = /"(?:GET|HEAD) \/v2\/[^"]*"/g;

/** Requests that a program sends, by the logs of the registry and of its token service. */
async function requestsOf(registry, contender) {
  const count = async () => {
    // The registry writes its log a moment after its answer.
    await delay(300);
    return (registry.log().match(requestLine)?.length ?? 0) + (registry.seen?.length ?? 0);
  };
  const before = await count();
  await runProgram(contender);
  return (await count()) - before;
}

async function requestsOfBlob(bench, registry) {
  const pull = coldBlob(bench, "node", registry.host, await bench.publications.random(2_000_000));
  pull.prepare();
  return await requestsOf(registry, pull);
}

/** `prefetch` of two tools, one after the other: the second finds the registry's challenge known. */
async function requestsOfTwo(bench, registry) {
  const dir = join(bench.work, "two");
  emptyFolder(dir);
  const lock = await lockOf(bench, (await bench.publications.tools(toolCount + 1)).slice(0, 2));
  writeFileSync(join(dir, "oras.lock.json"), lock.replaceAll("@HOST@", registry.host));
  writeFileSync(join(dir, ".buckconfig"), "");
  writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ concurrency: 1 }));
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  return await requestsOf(registry, bench.ours("node", ["prefetch"], { cwd: dir, env }));
}

async function countRequests(bench) {
  const withTokens = await bench.registries.withTokens();
  const tokens = await requestsOfBlob(bench, withTokens);
  return {
    open: { value: await requestsOfBlob(bench, await bench.registries.open()) },
    tokens: { value: tokens },
    known: { value: (await requestsOfTwo(bench, withTokens)) - tokens },
  };
}

async function peakMemory(bench) {
  if (bench.node24 === undefined) return { peak: { missing: "Node 24" } };
  const { host } = await bench.registries.open();
  const blob = await bench.publications.random(1_000_000_000);
  const file = join(bench.work, "peak");
  const pull = coldBlob(bench, "node24", host, blob);
  pull.prepare();
  const [node, , ...args] = pull.command;
  await runProgram({
    command: [node, "--require", join(root, "bench/peak-memory.cjs"), executable, ...args],
    env: { ...pull.env, PEAK_MEMORY_FILE: file },
  });
  emptyStore(pull.env.BUCK2_ORAS_CACHE_DIR);
  return { peak: { value: (Number(readFileSync(file, "utf8")) * 1024) / 1e6 } };
}

export const families = [
  {
    name: "requests",
    title: "requests of a cold locked pull",
    seconds: 30,
    measure: countRequests,
    targets: [
      { what: "requests of a cold locked pull, open registry", value: "open", exactly: 1 },
      { what: "requests, with a token server", value: "tokens", exactly: 3 },
      { what: "requests of a further repository, when the challenge is known", value: "known", exactly: 2 },
    ],
  },
  {
    name: "memory",
    title: "peak memory of a `blob` of 1 GB",
    seconds: 20,
    measure: peakMemory,
    targets: [{ what: "peak memory, 1 GB, Node 24", value: "peak", atMost: 120, unit: " MB" }],
  },
];
