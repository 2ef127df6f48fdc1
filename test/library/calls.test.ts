/** The library called by a program without types, and by a program that loses interest. */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OrasClient, OrasClientError, type TransferProgress } from "../../src/index.ts";
import { impossibleFolder, temporaryFolder } from "../support/folders.ts";
import { linuxTool, sha256 } from "../support/layout-project.ts";
import { startServer } from "../support/registry/server.ts";

const before = process.env;
beforeEach(() => {
  process.env = { ...before, BUCK2_ORAS_REGISTRY: "", ORAS_TOKEN: "", ORAS_USER: "", DOCKER_CONFIG: impossibleFolder };
});
afterEach(() => {
  process.env = before;
});

/** A method with arguments that TypeScript would refuse, as JavaScript calls it. */
type Call = (...args: readonly unknown[]) => Promise<unknown>;

/** Every method of a client, with valid arguments before its options. */
function methodsOf(
  client: OrasClient,
): ReadonlyMap<string, { readonly call: Call; readonly args: readonly unknown[] }> {
  const method = (owner: object, name: string): Call => {
    const found: unknown = Reflect.get(owner, name);
    if (typeof found !== "function") throw new Error(`no method ${name}`);
    return (...args) => Reflect.apply(found, owner, args);
  };
  // Absolute: a call with a wrong second argument may begin to write.
  const layout = `oci:${tmpdir()}/none/layout`;
  const args: Record<string, readonly unknown[]> = {
    pull: [`${layout}:1`],
    pullArtifact: [`${layout}:1`],
    verifyArtifact: ["file", sha256("")],
    listTags: [layout],
    getArtifactInfo: [`${layout}:1`],
    clearCache: [],
    push: [`${layout}:1`, "file"],
    importTool: ["file:file", `${layout}:1`],
    copy: [`${layout}:1`, `${layout}2:1`],
    login: [{ username: "me", password: "secret" }],
    logout: ["example.com"],
  };
  const lockArgs = {
    add: ["tool", `${layout}:1`],
    update: [["tool"]],
    list: [],
    remove: [["tool"]],
    check: [],
    copy: [`${layout}2`],
  };
  const names = Object.getOwnPropertyNames(OrasClient.prototype).filter((name) => name !== "constructor");
  return new Map([
    ...names.map((name) => [name, { call: method(client, name), args: args[name] ?? [] }] as const),
    ...Object.entries<readonly unknown[]>(lockArgs).map(
      ([name, one]) => [`lock.${name}`, { call: method(client.lock, name), args: one }] as const,
    ),
  ]);
}

async function failureOf(work: Promise<unknown>): Promise<OrasClientError> {
  const thrown = await work.then(
    () => new Error("no failure"),
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(OrasClientError);
  return thrown as OrasClientError;
}

function offlineClient(): OrasClient {
  return new OrasClient({ cacheDir: join(temporaryFolder(), "cache"), offline: true });
}

const methods = [...methodsOf(new OrasClient()).keys()];

test("library: every method of the lock is tried here", () => {
  const { lock } = new OrasClient();
  expect(methods.filter((name) => name.startsWith("lock."))).toEqual(Object.keys(lock).map((name) => `lock.${name}`));
});

const wrong: Readonly<Record<string, unknown>> = {
  number: 7,
  null: null,
  object: {},
  list: [1],
  symbol: Symbol("x"),
  function: () => "x",
  NUL: "a\0b",
  "lone surrogate": "\ud800",
};

test.each(methods)("library: %s refuses wrong arguments with a UsageError that names them", async (name) => {
  const { call, args } = methodsOf(offlineClient()).get(name) ?? expect.unreachable();
  for (const [index, right] of args.entries()) {
    for (const [kind, value] of Object.entries(wrong)) {
      if (typeof right === "object" && (kind === "NUL" || kind === "object")) continue;
      const error = await failureOf(call(...args.with(index, value)));
      expect(error.code, `${kind} as argument ${index}: ${error.message}`).not.toBe("INTERNAL");
      expect(error.side, `${kind} as argument ${index}: ${error.message}`).toMatch(/caller|setting/);
    }
  }
  for (const options of [null, 7, "text", [], { signal: {} }, { signal: new AbortController() }, { onProgress: 1 }]) {
    const error = await failureOf(call(...args, options));
    expect(error, JSON.stringify(options)).toMatchObject({ name: "UsageError", code: "USAGE_INVALID" });
    expect(error.message).toContain(name);
  }
  const misspelt = await failureOf(call(...args, { digset: sha256("") }));
  expect(misspelt.message).toMatch(/`digset`/);
  expect(misspelt.hint).toMatch(/library\.md/);
});

test("library: an option of the wrong type is refused by name, and its value is never quoted", async () => {
  const client = offlineClient();
  const calls: readonly [string, () => Promise<unknown>][] = [
    ["platform", () => client.pull("oci:x:1", { platform: 7 } as never)],
    ["output", () => client.pull("oci:x:1", { output: "" })],
    ["extract", () => client.pull("oci:x:1", { extract: "yes" } as never)],
    ["olderThanDays", () => client.clearCache({ olderThanDays: Number.NaN })],
    ["maxSizeBytes", () => client.clearCache({ maxSizeBytes: -1 })],
    ["platforms.linux-x86_64", () => client.push("oci:x:1", undefined, { platforms: { "linux-x86_64": 1 } } as never)],
    ["compression", () => client.push("oci:x:1", "x", { compression: "xz" } as never)],
    ["annotations.a", () => client.push("oci:x:1", "x", { annotations: { a: 1 } } as never)],
    ["platforms.0", () => client.importTool("npm:x@1", "oci:x:1", { platforms: [1] } as never)],
    ["referrers", () => client.copy("oci:x:1", "oci:y", { referrers: 1 } as never)],
    ["minAge", () => client.lock.add("x", "oci:x:1", { minAge: "7" })],
    ["maxAge", () => client.lock.update([], { maxAge: "never" })],
    ["format", () => client.lock.add("x", "oci:x:1", { format: "rar" })],
    ["executable", () => client.lock.add("x", "oci:x:1", { executable: "../x" })],
    ["online", () => client.lock.check({ online: 1 } as never)],
    ["password", () => client.login({ username: "me", password: ["hunter2"] } as never)],
    ["password", () => client.login({ username: "hunter2" } as never)],
  ];
  for (const [name, call] of calls) {
    const error = await failureOf(call());
    expect(error, name).toMatchObject({ name: "UsageError" });
    expect(error.message).toContain(`\`${name}\``);
    expect(error.message).not.toContain("hunter2");
  }
  await expect(failureOf(client.pull("oci:x:1", { extract: true }))).resolves.toMatchObject({
    code: "OUTPUT_REQUIRED",
  });
  for (const options of [
    null,
    7,
    { registry: 7 },
    { regsitry: "ghcr.io" },
    { timeoutSeconds: "1" },
    { plainHttp: 1 },
  ]) {
    expect(() => new OrasClient(options as never), JSON.stringify(options)).toThrow(OrasClientError);
  }
});

test.each(methods)(
  "library: %s with an aborted signal rejects with an InterruptedError, and does nothing",
  async (name) => {
    const { call, args } = methodsOf(offlineClient()).get(name) ?? expect.unreachable();
    for (const reason of [new Error("enough"), "enough", { toString: () => "enough" }, 7n]) {
      const error = await failureOf(call(...args, { signal: AbortSignal.abort(reason) }));
      expect(error).toMatchObject({ name: "InterruptedError", code: "INTERRUPTED", cause: reason });
    }
    const timedOut = await failureOf(
      call(...args, { signal: AbortSignal.abort(new DOMException("x", "TimeoutError")) }),
    );
    expect(timedOut).toMatchObject({ name: "TimeoutError", code: "TIMED_OUT" });
  },
);

test.each(["pull", "listTags", "getArtifactInfo", "push", "copy", "lock.add", "login"])(
  "library: %s that waits for a registry ends when its signal aborts",
  async (name) => {
    const dir = temporaryFolder();
    writeFileSync(join(dir, "file"), linuxTool);
    let isAsked = (): void => {};
    const asked = new Promise<void>((resolve) => {
      isAsked = resolve;
    });
    const server = await startServer(() => isAsked());
    const client = new OrasClient({ registry: server.host, cacheDir: join(dir, "cache") });
    const { call } = methodsOf(client).get(name) ?? expect.unreachable();
    const args: Record<string, readonly unknown[]> = {
      listTags: ["x/y"],
      push: ["x/y:1", join(dir, "file")],
      copy: ["x/y:1", `oci:${dir}/layout`],
      "lock.add": ["tool", "x/y:1"],
      login: [{ username: "me", password: "secret" }],
    };
    const controller = new AbortController();
    const file = name.startsWith("lock.") ? { file: join(dir, "oras.lock.json") } : {};
    const calling = failureOf(call(...(args[name] ?? ["x/y:1"]), { signal: controller.signal, ...file }));
    await asked;
    controller.abort(new Error("enough"));
    expect(await calling).toMatchObject({ code: "INTERRUPTED", cause: new Error("enough") });
  },
);

test("library: onProgress hears of each transfer from its first to its last byte", async () => {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), linuxTool);
  let caches = 0;
  const fresh = (): OrasClient => new OrasClient({ cacheDir: join(dir, `cache${caches++}`) });
  const heard = new Map<string, TransferProgress[]>();
  const hear = (method: string) => ({
    onProgress: (progress: TransferProgress) => void heard.set(method, [...(heard.get(method) ?? []), progress]),
  });
  const layout = `oci:${dir}/layout:1`;
  await fresh().push(layout, join(dir, "tool"), { compression: "none", ...hear("push") });
  await fresh().copy(layout, `oci:${dir}/other`, hear("copy"));
  await fresh().pull(layout, { output: join(dir, "out"), ...hear("pull") });
  await fresh().importTool(`file:${dir}/tool`, `oci:${dir}/imported:1`, hear("importTool"));
  await fresh().lock.add("tool", layout, { file: join(dir, "oras.lock.json"), ...hear("lock.add") });
  await fresh().lock.copy(`oci:${dir}/third`, { file: join(dir, "oras.lock.json"), ...hear("lock.copy") });
  expect([...heard.keys()]).toEqual(["push", "copy", "pull", "importTool", "lock.add", "lock.copy"]);
  for (const [method, all] of heard) {
    const last = all.filter(({ transfer }) => transfer === all.at(-1)?.transfer);
    expect(last[0], method).toMatchObject({ transferredBytes: 0, isDone: false });
    expect(last.at(-1), method).toMatchObject({ transferredBytes: last[0]?.totalBytes, isDone: true });
    expect(last.filter(({ isDone }) => isDone).length, method).toBe(1);
  }
});

test("library: an onProgress that throws ends the call, with what it threw as the cause", async () => {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), linuxTool);
  const client = new OrasClient({ cacheDir: join(dir, "cache") });
  const layout = `oci:${dir}/layout:1`;
  await client.push(layout, join(dir, "tool"));
  const thrown = new TypeError("x is not a function");
  const onProgress = (): never => {
    throw thrown;
  };
  expect(await failureOf(client.pull(layout, { onProgress }))).toMatchObject({ code: "USAGE_INVALID", cause: thrown });
});

test("library: two calls at once with one cache fetch a file once", async () => {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), linuxTool);
  const client = new OrasClient({ cacheDir: join(dir, "cache") });
  await client.push(`oci:${dir}/layout:1`, join(dir, "tool"));
  const origins = await Promise.all([1, 2].map(() => client.pullArtifact(`oci:${dir}/layout:1`)));
  expect(origins.map(({ origin }) => origin).sort()).toEqual(["cache", "layout"]);
});
