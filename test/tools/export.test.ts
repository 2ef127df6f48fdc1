/** `lock export`: read by the real DotSlash and mise, where they are on the PATH. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { parseDigest } from "../../src/model/digest.ts";
import { isDotslashExport } from "../../src/tools/dotslash.ts";
import { miseLines } from "../../src/tools/mise.ts";
import { type DockerRegistry, startDockerRegistry, userSecret } from "../support/docker-registry.ts";
import { type LockedProject, lockedProject } from "../support/locked-project.ts";
import { requireProgram, type Skippable } from "../support/peers.ts";
import { run } from "../support/run.ts";
import { succeeding } from "../support/succeeding.ts";

type TestLike = Skippable & { readonly onTestFinished: (work: () => Promise<void>) => void };

/** Tools of every shape, in a registry without logins: a file, a compressed file, an archive, an index. */
async function publishedTools(context: TestLike): Promise<{ project: LockedProject; registry: DockerRegistry }> {
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
  context.onTestFinished(() => registry.stop());
  const project = lockedProject();
  const { dir } = project;
  const script = (name: string): string => `#!/bin/sh\necho "${name}:$1"\n`;
  writeFileSync(join(dir, "file-linux"), script("plain"), { mode: 0o755 });
  writeFileSync(join(dir, "zipped.gz"), gzipSync(script("zipped")));
  mkdirSync(join(dir, "kit/sbin"), { recursive: true });
  writeFileSync(join(dir, "kit/sbin/kit-program"), script("kit"), { mode: 0o755 });
  const push = async (tool: string, ...paths: readonly string[]): Promise<void> => {
    const reference = `${registry.host}/tools/${tool}:1.0`;
    await succeeding(project.oras(["push", reference, ...paths]));
    await succeeding(project.oras(["lock", "add", tool, reference]));
  };
  await push("plain", "file-linux", "--compression", "none");
  await push("zipped", "zipped.gz");
  await push("kit", "kit");
  await push("indexed", "--platform", "linux-x86_64=file-linux", "--platform", "darwin-arm64=file-linux");
  return { project, registry };
}

const expected = { plain: "plain:x\n", zipped: "zipped:x\n", kit: "kit:x\n", indexed: "plain:x\n" };

test("lock export: DotSlash runs every tool by its file", async (context) => {
  const dotslash = requireProgram(context, "dotslash");
  const { project } = await publishedTools(context);
  await succeeding(project.oras(["lock", "export", "--format", "dotslash", "-o", "bin"]));
  for (const [tool, stdout] of Object.entries(expected)) {
    const env = { HOME: project.home, DOTSLASH_CACHE: join(project.home, "dotslash") };
    const ran = await run(dotslash, [join(project.dir, "bin", tool), "x"], { env });
    expect(ran, tool).toMatchObject({ exitCode: 0, stdout });
  }
});

test("lock export: mise installs and runs every tool", async (context) => {
  const mise = requireProgram(context, "mise");
  const { project } = await publishedTools(context);
  const { stdout } = await succeeding(project.oras(["lock", "export", "--format", "mise"]));
  const dir = join(project.home, "elsewhere");
  mkdirSync(dir);
  writeFileSync(join(dir, "mise.toml"), stdout);
  const env = { HOME: project.home, MISE_TRUSTED_CONFIG_PATHS: dir, MISE_YES: "1" };
  for (const [tool, said] of Object.entries(expected)) {
    const ran = await run(mise, ["exec", "--", tool, "x"], { cwd: dir, env });
    expect(ran, `${tool}\n${stdout}`).toMatchObject({ exitCode: 0, stdout: said });
  }
});

test("lock export: files of DotSlash are written again, a foreign file stops all", async (context) => {
  const { project } = await publishedTools(context);
  const again = ["lock", "export", "--format", "dotslash", "-o", "bin"];
  await succeeding(project.oras(again));
  await succeeding(project.oras(again));
  const text = readFileSync(join(project.dir, "bin/kit"), "utf8");
  expect(text.startsWith("#!/usr/bin/env dotslash\n")).toBe(true);
  expect(isDotslashExport(text)).toBe(true);
  writeFileSync(join(project.dir, "bin/zipped"), "mine");
  writeFileSync(join(project.dir, "bin/indexed"), text);
  expect(await project.oras(again)).toMatchObject({ exitCode: 74 });
  expect(readFileSync(join(project.dir, "bin/indexed"), "utf8")).toBe(text);
});

test("lock export: a registry that wants a login is an error, and nothing is written", async (context) => {
  const options = { htpasswd: userSecret };
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"), options);
  context.onTestFinished(() => registry.stop());
  const project = lockedProject();
  const env = { ORAS_USER: "user", ORAS_PASS: "secret", BUCK2_ORAS_REGISTRY: registry.host };
  writeFileSync(join(project.dir, "tool"), "#!/bin/sh\n", { mode: 0o755 });
  await succeeding(project.oras(["push", `${registry.host}/t/tool:1`, "tool"], { env }));
  await succeeding(project.oras(["lock", "add", "tool", `${registry.host}/t/tool:1`], { env }));
  for (const rest of [["dotslash", "-o", "bin"], ["mise"]]) {
    const ran = await project.oras(["lock", "export", "--format", ...rest], { env });
    expect(ran).toMatchObject({ exitCode: 77, stdout: "" });
    expect(ran.stderr).toContain("DotSlash and mise have none");
  }
  expect(readdirSync(project.dir)).not.toContain("bin");
  const offline = await succeeding(project.oras(["lock", "export", "--format", "mise", "--offline"]));
  expect(offline.stderr).toContain("Not checked");
});

test("lock export: a layout, several layers and a file without a program are refused by name", async () => {
  const project = lockedProject();
  await project.add("of-layout", "#!/bin/sh\n");
  const ran = await project.oras(["lock", "export", "--format", "mise"]);
  expect(ran).toMatchObject({ exitCode: 64, stdout: "" });
  expect(ran.stderr).toContain("of-layout cannot be exported");
  expect(await project.oras(["lock", "export", "--format", "dotslash"])).toMatchObject({ exitCode: 64 });
});

test("lock export: a path that mise would evaluate is refused", () => {
  const digest = parseDigest(`sha256:${"0".repeat(64)}`);
  const layer = { digest, contentDigest: digest, size: 1, mediaType: "", title: "t", format: "tar" } as const;
  const one = {
    platform: "any",
    layer,
    isArchive: true,
    program: "{{exec(command='id')}}/t",
    repository: "h/r",
  } as const;
  expect(() => miseLines({ name: "t", tag: "1", exported: [one] }, () => "https://h/r")).toThrow("mise evaluates");
});
