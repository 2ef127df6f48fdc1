/** Facts without a race: requests of a pull, and peak memory. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { root } from "../../scripts/bundle.mjs";
import { emptyStore } from "../harness/bench.mjs";
import { runProgram } from "../harness/run-program.mjs";
import { executable } from "../support.mjs";
import { coldBlob } from "./blobs.mjs";

const requestLine = /"(?:GET|HEAD) \/v2\/[^"]*"/g;

/** Requests that a cold `blob` sends, by the logs of the registry and of its token service. */
async function requests(bench, registry, blob) {
  const count = async () => {
    // The registry writes its log a moment after its answer.
    await delay(300);
    return (registry.log().match(requestLine)?.length ?? 0) + (registry.seen?.length ?? 0);
  };
  const pull = coldBlob(bench, "node", registry.host, blob);
  pull.prepare();
  const before = await count();
  await runProgram(pull);
  return (await count()) - before;
}

async function countRequests(bench) {
  const blob = await bench.publications.random(2_000_000);
  const tokens = await bench.registries.withTokens();
  const cold = await requests(bench, tokens, blob);
  // The store is emptied again, and what else the executable remembers stays.
  const known = await requests(bench, tokens, blob);
  return {
    open: { value: await requests(bench, await bench.registries.open(), blob) },
    tokens: { value: cold },
    known: { value: known },
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
    seconds: 10,
    measure: countRequests,
    targets: [
      { what: "requests of a cold locked pull, open registry", value: "open", exactly: 1 },
      { what: "requests, with a token server", value: "tokens", exactly: 3 },
      { what: "requests, when the challenge is known", value: "known", exactly: 2 },
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
