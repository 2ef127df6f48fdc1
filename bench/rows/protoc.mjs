/** A real tool until it can run: over a slow link, and unpacked on loopback. OCX packs and installs its own package. */
import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { emptyFolder, emptyStore } from "../harness/bench.mjs";
import { protocVersion } from "../harness/publications.mjs";
import { runProgram } from "../harness/run-program.mjs";
import { find } from "../support.mjs";

const run = promisify(execFile);
const ocxPlatform = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";
const ocxReference = `o/protoc:${protocVersion}.0`;

/** OCX's settings for a registry. @param home Its folder, with the packages. */
function ocxEnv(host, home) {
  return { OCX_HOME: home, OCX_INSECURE_REGISTRIES: host, OCX_DEFAULT_REGISTRY: host, OCX_NO_PROJECT: "1" };
}

let published;

/** protoc as OCX packs it: `package create`, `package push`. */
function publishWithOcx(bench, program) {
  published ??= (async () => {
    const { host } = await bench.registries.open();
    const folder = join(await bench.publications.protocFile(), "../..");
    const dir = join(bench.work, "ocx-package");
    mkdirSync(dir);
    const metadata = join(dir, "metadata.json");
    const path = { key: "PATH", type: "path", value: `\${installPath}/bin`, visibility: "public" };
    writeFileSync(metadata, JSON.stringify({ type: "bundle", version: 1, env: [path] }));
    const file = join(dir, "protoc.tar.xz");
    const env = { ...bench.env, ...ocxEnv(host, join(dir, "home")) };
    await run(program, ["package", "create", "-m", metadata, "-o", file, "-p", ocxPlatform, "--no-libc-lint", folder], {
      env,
    });
    const compiled = join(dir, "protoc-metadata.json");
    await run(
      program,
      ["package", "push", "-n", "-p", ocxPlatform, "-m", compiled, "-i", `${host}/${ocxReference}`, file],
      { env },
    );
  })();
  return published;
}

/** @param isCold Whether its folder is emptied before each run. */
async function ocxInstall(bench, host, isCold) {
  const program = find("ocx");
  if (program === undefined) return { missing: "ocx" };
  await publishWithOcx(bench, program);
  const home = join(bench.work, isCold ? "ocx-cold" : "ocx-warm");
  const prepare = () => {
    if (isCold) emptyFolder(home);
  };
  const env = ocxEnv(host, home);
  return bench.peer("ocx", ["package", "install", `${host}/${ocxReference}`], { env, prepare });
}

/** `pull`, as a person would install the tool. @param isCold Whether store and output are emptied before each run. */
function pull(bench, kind, reference, { isCold, options = [] }) {
  const name = `protoc-${isCold ? "cold" : "again"}-${kind}`;
  const cacheDir = join(bench.work, `cache-${name}`);
  const out = join(bench.work, `out-${name}`);
  return bench.ours(kind, ["pull", reference, "-o", out, ...options], {
    env: { BUCK2_ORAS_CACHE_DIR: cacheDir },
    prepare: () => {
      if (!isCold) return;
      emptyStore(cacheDir);
      rmSync(out, { recursive: true, force: true });
    },
  });
}

async function overSlowLink(bench) {
  const { host } = await bench.registries.openBehind({ bitsPerSecond: 1e8, roundTripMs: 50 });
  const packed = await bench.publications.protoc("zstd");
  const raw = await bench.publications.protoc("none");
  const out = join(bench.work, "out-curl");
  const url = `http://${host}/v2/${raw.repository}/blobs/${raw.digest}`;
  return {
    node24: pull(bench, "node24", `${host}/${packed.reference}`, { isCold: true }),
    standalone: pull(bench, "standalone", `${host}/${packed.reference}`, { isCold: true }),
    "curl -o": bench.peer("curl", ["-sSf", "-o", join(out, "protoc"), url], { prepare: () => emptyFolder(out) }),
    "ocx package install": await ocxInstall(bench, host, true),
  };
}

async function unpacked(bench, isCold) {
  const { host } = await bench.registries.open();
  const { reference } = await bench.publications.protocFolder();
  const options = { isCold, options: ["--extract"] };
  const contenders = {
    node24: pull(bench, "node24", `${host}/${reference}`, options),
    standalone: pull(bench, "standalone", `${host}/${reference}`, options),
    "ocx package install": await ocxInstall(bench, host, isCold),
  };
  if (!isCold)
    for (const contender of Object.values(contenders)) if (contender.missing === undefined) await runProgram(contender);
  return contenders;
}

const kinds = { node24: "Node 24", standalone: "standalone" };

export const families = [
  {
    name: "protoc-link",
    title: "`pull` of protoc until it can run, 100 Mbit/s, round trips of 50 ms",
    rounds: 6,
    seconds: 35,
    contenders: overSlowLink,
    targets: Object.entries(kinds).flatMap(([ours, words]) => [
      { what: `protoc ready to run, 100 Mbit/s, 50 ms, ${words}`, ours, against: ["curl -o"], atMost: 0.45 },
      { what: `protoc ready to run, 100 Mbit/s, 50 ms, ${words}`, ours, against: ["ocx package install"], atMost: 0.4 },
    ]),
  },
  ...[true, false].map((isCold) => ({
    name: isCold ? "unpack-cold" : "unpack-again",
    title: `\`pull --extract\` of protoc as a folder, ${isCold ? "cold" : "unpacked already"}, loopback`,
    rounds: 8,
    seconds: 20,
    contenders: (bench) => unpacked(bench, isCold),
    targets: Object.entries(kinds).map(([ours, words]) => ({
      what: `pull and unpack protoc, ${isCold ? "cold" : "unpacked already"}, ${words}`,
      ours,
      against: ["ocx package install"],
      atMost: isCold ? 0.8 : 1.2,
    })),
  })),
];
