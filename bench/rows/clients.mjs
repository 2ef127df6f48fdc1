/** The same exchange of one blob over undici and over Node's own client, each bundled into one file. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "../../scripts/bundle.mjs";
import { emptyFolder } from "../harness/bench.mjs";

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

async function exchange(bench, node, name) {
  if (node === undefined) return { missing: "Node 24" };
  const { host } = await bench.registries.open();
  const { repository, digest } = await bench.publications.random(10_000_000);
  const out = join(bench.work, `out-${name}`);
  const url = `http://${host}/v2/${repository}/blobs/${digest}`;
  return {
    command: [node, await bundled(bench, name), url, digest, join(out, "file")],
    env: bench.env,
    prepare: () => emptyFolder(out),
  };
}

export const families = [
  {
    name: "undici",
    title: "one exchange of 10 MB in a process of its own, over undici and over Node's client",
    rounds: 12,
    seconds: 20,
    contenders: async (bench) => ({
      undici: await exchange(bench, bench.node24, "undici"),
      "Node's client": await exchange(bench, bench.node24, "node-client"),
      "undici, this Node": await exchange(bench, process.execPath, "undici"),
      "Node's client, this Node": await exchange(bench, process.execPath, "node-client"),
    }),
    targets: [
      { what: "undici, one exchange of 10 MB, Node 24", ours: "undici", against: ["Node's client"] },
      {
        what: `undici, one exchange of 10 MB, Node ${process.versions.node.split(".")[0]}`,
        ours: "undici, this Node",
        against: ["Node's client, this Node"],
      },
    ],
  },
];
