/** Checkouts of a project with fifty tools, ours and the prelude's `http_file`, built by a real Buck2. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../../scripts/bundle.mjs";
import { find } from "../support.mjs";
import { emptyStore } from "./bench.mjs";
import { runProgram } from "./run-program.mjs";

export const toolCount = 50;

function git(cwd, ...args) {
  const identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false"];
  return execFileSync("git", [...identity, ...args], { cwd, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 }).trim();
}

/** A git repository with the working tree, as a project takes the rules. @returns Lines of a project's configuration. */
function commitRules(bench) {
  const dir = join(bench.work, "rules");
  if (!existsSync(dir)) {
    mkdirSync(dir);
    const listed = git(root, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0");
    // Tests and documents only make the cell larger.
    const needed = listed.filter((path) => path !== "" && !/^(?:test|docs|bench|src|examples)\//.test(path));
    for (const path of needed) {
      if (!existsSync(join(root, path))) continue;
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      copyFileSync(join(root, path), join(dir, path));
    }
    git(dir, "init", "--quiet");
    git(dir, "add", "--all", "--force");
    git(dir, "commit", "--quiet", "--message", "the working tree");
  }
  return `[external_cell_oras]\n  git_origin = file://${dir}\n  commit_hash = ${git(dir, "rev-parse", "HEAD")}\n`;
}

const toolchains = `load("@oras//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
`;

function oursBuildFile(lockPackage, tools) {
  const targets = tools.map(({ name }) => `oras_tool(name = "${name}", lock = lock)`);
  return `load("@oras//rules:defs.bzl", "oras_tool")
load("//${lockPackage}:oras.lock.json", lock = "value")
${targets.join("\n")}
`;
}

function plainBuildFile(host, tools) {
  return tools
    .map(({ name, repository, digest, size }) => {
      const url = `http://${host}/v2/${repository}/blobs/${digest}`;
      const attributes = `sha256 = "${digest.replace("sha256:", "")}", size_bytes = ${size}, urls = ["${url}"]`;
      return `http_file(name = "${name}", out = "${name}", ${attributes})\n`;
    })
    .join("");
}

/** The entry that `lock add` writes for the first tool; the others differ in names and digests alone. @returns A lock for `@HOST@`. */
export async function lockOf(bench, tools) {
  const { host } = await bench.registries.open();
  const [first] = tools;
  const file = join(bench.work, `${first.name}.lock.json`);
  if (!existsSync(file))
    await bench.publications.oras(["lock", "add", first.name, `${host}/${first.reference}`, "--lock", file]);
  const lock = JSON.parse(readFileSync(file, "utf8"));
  const text = JSON.stringify(lock.tools[first.name]);
  const entryOf = (tool) =>
    text
      .replaceAll(first.manifest, tool.manifest)
      .replaceAll(first.digest, tool.digest)
      .replaceAll(`"size":${first.size}`, `"size":${tool.size}`)
      .replaceAll(`${first.repository}:1`, `${tool.repository}:1`)
      .replaceAll(`${first.repository}"`, `${tool.repository}"`)
      .replaceAll(`"title":"${first.name}"`, `"title":"${tool.name}"`)
      .replaceAll(host, "@HOST@");
  return `{"version":1,"tools":{${tools.map((tool) => `"${tool.name}":${entryOf(tool)}`).join(",")}}}`;
}

/**
 * A project in a folder of its own.
 *
 * @param checkout `name`; `server` with `host`, and with `access` if it is not `http`; `tools` of `publications.tools`, of which the
 *   last one warms up; perhaps more lines of `config`, and more `files`.
 * @returns Its folder.
 */
export async function layOutCheckout(bench, { name, server, tools, config = "", files = {} }) {
  const dir = join(bench.work, "checkouts", name);
  const write = (path, text) => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  };
  for (const file of [".buckconfig", ".buckroot"])
    write(file, readFileSync(join(root, "examples/consumer", file), "utf8"));
  write(".buckconfig.local", commitRules(bench) + config);
  write("toolchains/BUCK", toolchains);
  const lock = (await lockOf(bench, tools)).replaceAll("@HOST@", server.host);
  write("ours/oras.lock.json", lock.replaceAll('"access":"http"', `"access":"${server.access ?? "http"}"`));
  write("ours/BUCK", oursBuildFile("ours", tools.slice(0, -1)));
  write("plain/BUCK", plainBuildFile(server.host, tools.slice(0, -1)));
  write("warm-ours/BUCK", oursBuildFile("ours", tools.slice(-1)));
  write("warm-plain/BUCK", plainBuildFile(server.host, tools.slice(-1)));
  for (const [path, text] of Object.entries(files)) write(path, text);
  return dir;
}

/** Settings of a build. A worker needs a platform that has workers, and is a way to call the executable. */
function settingsOf(fetch) {
  if (fetch === undefined) return [];
  if (fetch !== "worker") return [`oras.fetch=${fetch}`];
  return ["oras.fetch=process", "build.execution_platforms=oras//prelude_ext:local_with_workers"];
}

/**
 * Builds in a checkout, with a daemon of its own.
 *
 * @param options `fetch` is `native`, `process`, `auto`, or `worker` for a process that the pulls share, or undefined for `http_file`;
 *   `cacheDir` is the store, if it is not the session's own.
 */
export function openSession(bench, dir, name, options = {}) {
  const buck2 = process.env.BUCK2 ?? find("buck2");
  const kind = options.fetch === undefined ? "plain" : "ours";
  const cacheDir = options.cacheDir ?? join(bench.work, `store-${name}`);
  const env = { ...bench.env, BUCK2_ORAS_CACHE_DIR: cacheDir, BUCK_CONSOLE: "simple", ...options.env };
  if (bench.node24 !== undefined) env.BUCK2_ORAS_NODE = bench.node24;
  const config = settingsOf(options.fetch).flatMap((setting) => ["--config", setting]);
  const call = (...args) => ({ command: [buck2, "--isolation-dir", name, ...args], cwd: dir, env });
  const build = (...targets) => call("build", ...config, ...targets);
  bench.onEnd(() => runProgram(call("kill")));
  return {
    missing: buck2 === undefined ? "buck2" : undefined,
    cacheDir,
    all: () => build(`//${kind}:`),
    one: (index) => build(`//${kind}:tool-${index}`),
    build,
    kill: () => runProgram(call("kill")),
    clean: () => runProgram(call("clean")),
    /** A new daemon that has built another tool and nothing else. */
    async restart({ keepsStore = false, isWarm = true } = {}) {
      await runProgram(call("kill"));
      rmSync(join(dir, "buck-out", name), { recursive: true, force: true, maxRetries: 3 });
      if (!keepsStore) emptyStore(cacheDir);
      if (isWarm) await runProgram(build(`//warm-${kind}:`));
    },
  };
}
