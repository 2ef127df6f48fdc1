/** A cache hit: the blob is in the store, and is placed with a new hash. Whole processes. */
import { join } from "node:path";
import { emptyFolder } from "../harness/bench.mjs";
import { runProgram } from "../harness/run-program.mjs";

function hit(bench, kind, host, { repository, digest, size }) {
  const out = join(bench.work, `out-hit-${kind}`);
  return bench.ours(
    kind,
    ["blob", `${host}/${repository}@${digest}`, `--size=${size}`, `--output=${join(out, "file")}`],
    {
      env: { BUCK2_ORAS_CACHE_DIR: join(bench.work, "cache-hit") },
      prepare: () => emptyFolder(out),
    },
  );
}

export const families = [
  {
    name: "hit",
    title: "`blob` of 2 MB that the store has",
    rounds: 20,
    seconds: 20,
    contenders: async (bench) => {
      const { host } = await bench.registries.open();
      const blob = await bench.publications.random(2_000_000);
      const contenders = {
        node24: hit(bench, "node24", host, blob),
        standalone: hit(bench, "standalone", host, blob),
        least: bench.least(join(bench.work, "out-hit-node/file"), blob.digest),
        "node -e 0":
          bench.node24 === undefined ? { missing: "Node 24" } : { command: [bench.node24, "-e", "0"], env: bench.env },
      };
      const filler = hit(bench, "node", host, blob);
      filler.prepare();
      await runProgram(filler);
      return contenders;
    },
    targets: [
      { what: "hit, whole process, Node 24", ours: "node24", against: ["node -e 0"], least: "least", atMost: 1.6 },
      {
        what: "hit, whole process, standalone",
        ours: "standalone",
        against: ["node -e 0"],
        least: "least",
        atMost: 1.4,
      },
    ],
  },
];
