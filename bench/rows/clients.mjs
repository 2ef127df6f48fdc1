/** The same exchange of one blob over undici and over Node's own client, each bundled into one file. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "../../scripts/bundle.mjs";
import { emptyFolder } from "../harness/bench.mjs";
import { toolCount } from "../harness/checkout.mjs";

/** As our executable is bundled, so that neither pays for many small files. */
async function bundled(bench, name) {
  const outfile = join(bench.work, `${name}.cjs`);
  if (!existsSync(outfile))
    await build({
      absWorkingDir: root,
      entryPoints: [`bench/exchange/${name}.mjs`],
      outfile,
      bundle: true,
      platform: "node",
      format: "cjs",
      target: "node20.19",
      minify: true,
      logLevel: "error",
    });
  return outfile;
}

async function exchange(bench, node, name, blobs) {
  if (node === undefined) return { missing: "Node 24" };
  const { host } = await bench.registries.open();
  const out = join(bench.work, `out-${name}`);
  const urls = blobs.map(({ repository, digest }) => `http://${host}/v2/${repository}/blobs/${digest}`);
  return {
    command: [node, await bundled(bench, name), out, ...urls],
    env: bench.env,
    prepare: () => emptyFolder(out),
  };
}

async function contenders(bench, blobs) {
  return {
    undici: await exchange(bench, bench.node24, "undici", blobs),
    "Node's client": await exchange(bench, bench.node24, "node-client", blobs),
    "undici, this Node": await exchange(bench, process.execPath, "undici", blobs),
    "Node's client, this Node": await exchange(bench, process.execPath, "node-client", blobs),
  };
}

function targets(words) {
  const [major] = process.versions.node.split(".");
  return [
    { what: `undici, ${words}, Node 24`, ours: "undici", against: ["Node's client"] },
    { what: `undici, ${words}, Node ${major}`, ours: "undici, this Node", against: ["Node's client, this Node"] },
  ];
}

export const families = [
  {
    name: "undici",
    title: "one exchange of 10 MB in a process of its own, over undici and over Node's client",
    rounds: 12,
    seconds: 20,
    contenders: async (bench) => await contenders(bench, [await bench.publications.random(10_000_000)]),
    targets: targets("one exchange of 10 MB"),
  },
  {
    name: "undici-many",
    title: "50 exchanges of 2 MB in one process, as in a worker, over undici and over Node's client",
    rounds: 8,
    seconds: 20,
    contenders: async (bench) => await contenders(bench, (await bench.publications.tools(toolCount + 1)).slice(1)),
    targets: targets("50 exchanges of 2 MB in one process"),
  },
];
