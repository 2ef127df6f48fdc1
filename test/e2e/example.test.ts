/** `examples/consumer`, built by a real Buck2 from a real registry that holds the real protoc. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { parseLock } from "../../src/lockfile/file.ts";
import { requireBuck2, shared } from "../support/buck2.ts";
import { exampleDir, exampleRegistry, layOutProject } from "../support/consumer.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { exampleReferences, pushExampleTools, requireExampleTools } from "../support/example-tools.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { platformsBuildFile } from "../support/platform-targets.ts";
import { fivePlatforms, pythonProtobuf } from "../support/real-tools.ts";

const lockText = readFileSync(join(exampleDir, "oras.lock.json"), "utf8");

const registryOfTools = shared(
  async (context) => ({
    program: requireProgram(context, "docker-registry"),
    tools: await requireExampleTools(context),
  }),
  async ({ program, tools }) => {
    const storageDir = mkdtempSync(join(tmpdir(), "buck2-oras-storage-"));
    let server = await startDockerRegistry(program, { storageDir });
    const { host } = server;
    await pushExampleTools(tools, host);
    return {
      host,
      tools,
      /** Runs `during` while the registry does not answer. */
      whileStopped: async (during: () => Promise<void>): Promise<void> => {
        await server.stop();
        try {
          await during();
        } finally {
          server = await startDockerRegistry(program, { storageDir, port: Number(host.split(":")[1]) });
        }
      },
      stop: async () => {
        await server.stop();
        rmSync(storageDir, { recursive: true, force: true });
      },
    };
  },
);

const example = shared(
  async (context) => ({ buck2: requireBuck2(context), registry: await registryOfTools(context) }),
  async ({ buck2, registry }) =>
    layOutProject(buck2, {
      isExample: true,
      registry: registry.host,
      files: { "platforms/BUCK": platformsBuildFile },
    }),
);

function sha256(path: string): string {
  return `sha256:${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
}

function only(paths: readonly string[]): string {
  expect(paths).toHaveLength(1);
  return paths[0] ?? "";
}

test("example: the committed lock is what `push` and `lock add` make of the real tools", async (context) => {
  const { host } = await registryOfTools(context);
  const cwd = temporaryFolder();
  for (const [name, reference] of Object.entries(exampleReferences)) {
    const env = { BUCK2_ORAS_CACHE_DIR: join(cwd, "cache") };
    const ran = await oras(["lock", "add", name, `${host}/${reference}`], { cwd, env });
    expect(ran.exitCode, ran.stderr).toBe(0);
  }
  expect(readFileSync(join(cwd, "oras.lock.json"), "utf8").replaceAll(host, exampleRegistry)).toBe(lockText);
});

test("example: the lock's content digests are those of Maven's executables, on five platforms", async (context) => {
  const { tools } = await registryOfTools(context);
  const locked = parseLock(lockText, "oras.lock.json").tools.protoc?.platforms ?? {};
  expect(Object.keys(locked).sort()).toEqual([...fivePlatforms].sort());
  for (const [platform, path] of tools.protoc) {
    expect(locked[platform]?.layers.map((layer) => layer.contentDigest)).toEqual([sha256(path)]);
  }
});

test("example: the generated Python is imported and round-trips a Timestamp", async (context) => {
  const library = await pythonProtobuf(context);
  const project = await example(context);
  const built = await project.build(["//events:python"]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  const program = `
from events.event_pb2 import Event
event = Event(title="launch")
event.start.FromJsonString("2025-10-18T11:55:00Z")
event.guests.add(name="Ada")
copy = Event.FromString(event.SerializeToString())
print(copy.title, copy.start.ToJsonString(), copy.guests[0].name)
`;
  const path = `${library}:${only(built.outputs("root//events:python"))}`;
  const env = { ...process.env, PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: "1" };
  expect(execFileSync("python3", ["-c", program], { env, encoding: "utf8" })).toBe("launch 2025-10-18T11:55:00Z Ada\n");
});

test("example: protoc writes Java, the plugin its gRPC service, and the descriptor set has every import", async (context) => {
  const project = await example(context);
  const targets = ["root//events:event_java", "root//events:event_grpc_java", "root//events:event_descriptors"];
  const built = await project.build(targets);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  const [java = "", grpc = "", descriptors = ""] = targets.map((target) => only(built.outputs(target)));
  const message = readFileSync(join(java, "com/acme/events/Event.java"), "utf8");
  expect(message).toContain("com.google.protobuf.Timestamp getStart()");
  const service = readFileSync(join(grpc, "com/acme/events/EventsGrpc.java"), "utf8");
  expect(service).toContain("@io.grpc.stub.annotations.GrpcGenerated");
  const set = readFileSync(descriptors, "latin1");
  for (const file of ["google/protobuf/timestamp.proto", "people/person.proto", "events/event.proto"]) {
    expect(set).toContain(file);
  }
});

test("example: a second build runs nothing", async (context) => {
  const project = await example(context);
  const first = await project.build(["//..."]);
  expect(first.exitCode).toBe(0);
  const second = await project.build(["//..."]);
  expect(second.exitCode).toBe(0);
  expect(second.actions).toEqual({ local: 0, remote: 0, cached: 0 });
});

test("example: `build //...` fetches what this machine runs, and nothing for other platforms", async (context) => {
  const project = await example(context);
  const cache = temporaryFolder();
  const own = { isolationDir: "everything", env: { BUCK2_ORAS_CACHE_DIR: cache } };
  expect((await project.build(["//..."], own)).exitCode).toBe(0);
  const blobs = readdirSync(join(cache, "oras"), { recursive: true, encoding: "utf8" });
  const fetched = blobs.flatMap((path) => (path.length > 64 ? [`sha256:${path.slice(3)}`] : []));
  const tools = Object.values(parseLock(lockText, "oras.lock.json").tools);
  const wanted = tools.flatMap(({ platforms }) =>
    ["any", "linux-x86_64"].flatMap((platform) =>
      Object.entries(platforms).flatMap(([name, { layers }]) => (name === platform ? layers : [])),
    ),
  );
  expect(fetched.sort()).toEqual(wanted.map(({ digest }) => digest).sort());
});

test("example: after `buck2 clean` a build takes the tools from the cache, with the registry stopped", async (context) => {
  const registry = await registryOfTools(context);
  const project = await example(context);
  await project.build(["//..."]);
  await registry.whileStopped(async () => {
    expect((await project.buck2(["clean"])).exitCode).toBe(0);
    const built = await project.build(["//..."]);
    expect(built.stderr).toContain("BUILD SUCCEEDED");
    expect(built.actions.local).toBeGreaterThan(10);
  });
});

test("example: each of five platforms gets its own protoc, named .exe for Windows", async (context) => {
  const { tools } = await registryOfTools(context);
  const project = await example(context);
  for (const [platform, path] of tools.protoc) {
    const built = await project.build(["//tools:protoc"], { args: ["--target-platforms", `//platforms:${platform}`] });
    const output = only(built.outputs("root//tools:protoc"));
    expect(sha256(output)).toBe(sha256(path));
    expect(basename(output)).toBe(platform.startsWith("windows-") ? "protoc.exe" : "protoc");
  }
});

test("example: `buck2 run` lists the tags of a repository, from the caller's folder", async (context) => {
  const { host } = await registryOfTools(context);
  const project = await example(context);
  for (const target of ["oras//tools:oras", "oras"]) {
    const ran = await project.buck2(["run", target, "--", "list", `${host}/tools/protoc`]);
    expect(ran.stderr).toContain("BUILD SUCCEEDED");
    expect(ran.stdout).toBe("33.0\n");
  }
  const cwd = join(project.dir, "people");
  const ran = await project.buck2(["run", "oras//tools:oras", "--", "lock", "check", "--lock", "../oras.lock.json"], {
    cwd,
  });
  expect(ran.stdout).toContain("is well-formed");
  const typo = await project.buck2(["run", "oras//tools:oras", "--", "lst"]);
  expect(typo.stderr).toContain("`buck2 run oras -- --help`");
});
