/** Basics of all benchmarks: the executable, a registry on loopback, a limited link, medians. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { root } from "../scripts/bundle.mjs";

export const executable = join(root, "dist/buck2-oras.cjs");

/** Path of a program, on the PATH or where `go install` puts it. */
export function find(name) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), join(homedir(), "go/bin")];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Runs the executable and returns its standard output. */
export function oras(args, env = {}, node = process.execPath) {
  return execFileSync(node, [executable, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
}

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Debian's docker-registry, with its storage below `work`. */
export async function startRegistry(work) {
  const program = find("docker-registry");
  if (program === undefined) throw new Error("docker-registry is not installed");
  const port = await freePort();
  const config = join(work, "registry.yml");
  const storage = { filesystem: { rootdirectory: join(work, "storage") } };
  writeFileSync(
    config,
    JSON.stringify({ version: "0.1", log: { level: "error" }, storage, http: { addr: `127.0.0.1:${port}` } }),
  );
  const child = spawn(program, ["serve", config], { stdio: "ignore" });
  await answering(`http://127.0.0.1:${port}/v2/`);
  return { host: `localhost:${port}`, port, stop: () => child.kill() };
}

export async function answering(url) {
  for (let tries = 0; ; tries += 1) {
    try {
      await fetch(url);
      return;
    } catch (error) {
      if (tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/**
 * A link to a server on loopback, as a process of its own.
 *
 * @param server With its `port` and `host`.
 * @param limits See `link.mjs`; an empty object is loopback itself.
 */
export async function startLink(server, limits) {
  if (Object.keys(limits).length === 0) return { host: server.host, port: server.port, stop: () => {} };
  const args = [join(root, "bench/link.mjs"), String(server.port), JSON.stringify(limits)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise((resolve, reject) => {
    child.stdout.once("data", (line) => resolve(Number(line)));
    child.once("exit", () => reject(new Error("the link ended")));
  });
  return { host: `localhost:${port}`, port, stop: () => child.kill() };
}
