/** Downloads of real builds, as people have met them with other rules. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { requireBuck2, shared } from "../support/buck2.ts";
import { layOutProject } from "../support/consumer.ts";
import { lockInPackage } from "../support/package-lock.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";

const toolchains = `load("@oras//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
`;

const setting = shared(requireBuck2, (buck2) =>
  Promise.resolve(layOutProject(buck2, { files: { "toolchains/BUCK": toolchains } })),
);

const fetch = (word: string) => ["--config", `oras.fetch=${word}`];

test("toolchain: a wrong word for `fetch` in the configuration is named, with the words to choose from", async (context) => {
  const project = await setting(context);
  await lockInPackage(project, "word", await startServer(serveTool("tool")));
  const wrong = await project.build(["//word:tool"], { args: fetch("nativ") });
  expect(wrong.stderr).toContain(
    "fail: `fetch = nativ` in the section `oras` of the root cell's configuration is not known: set it to one of `auto`, `native`, `process`, or remove the line",
  );
  // Only the toolchain fails: packages load.
  expect((await project.buck2(["targets", ...fetch("nativ"), "//word:"])).exitCode).toBe(0);
});

test("native: a registry that denies a HEAD gives the blob, since the lock says its size", async (context) => {
  const project = await setting(context);
  const serve = serveTool("tool");
  const registry = await startServer((request, response, server) => {
    if (request.method === "HEAD") response.writeHead(404).end();
    else serve(request, response, server);
  });
  await lockInPackage(project, "head", registry);
  registry.seen.length = 0;
  const built = await project.build(["//head:tool"], { args: fetch("native") });
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  expect(registry.seen.map(({ method }) => method)).toEqual(["GET"]);
});

test("native: after a failed download, a process gets the file with a new daemon, and not before", async (context) => {
  const project = await setting(context);
  let isOpen = true;
  const serve = serveTool("tool", ({ headers }, response) => {
    const isOurs = headers["user-agent"]?.startsWith("buck2-oras/") ?? false;
    response.statusCode = isOpen || isOurs ? 200 : 403;
    response.end("tool");
  });
  await lockInPackage(project, "failed", await startServer(serve));
  isOpen = false;
  const failed = await project.build(["//failed:tool"], { args: fetch("native") });
  expect(failed.stderr).toContain("HTTP Client Error (403 Forbidden)");
  // docs/troubleshooting.md has these words: where they are gone, its advice is old.
  const repeated = await project.build(["//failed:tool"], { args: fetch("process") });
  expect(repeated.stderr).toContain("Internal error (stage: calculate_output_values_failed)");
  await project.buck2(["kill"]);
  const built = await project.build(["//failed:tool"], { args: fetch("process") });
  expect(built.stderr).toContain("BUILD SUCCEEDED");
});

test.for(["native", "process"])(
  "offline cache of Buck2: a traced build is repeated without the network, %s",
  async (word, context) => {
    const project = layOutProject(requireBuck2(context), { files: { "toolchains/BUCK": toolchains } });
    try {
      let isUp = true;
      const serve = serveTool(word);
      const registry = await startServer((request, response, server) => {
        if (isUp) serve(request, response, server);
        else response.destroy();
      });
      await lockInPackage(project, "tool", registry);
      await project.buck2(["debug", "trace-io", "enable"]);
      expect((await project.build(["//tool:tool"], { args: fetch(word) })).stderr).toContain("BUILD SUCCEEDED");
      await project.buck2(["debug", "trace-io", "export-manifest"]);
      await project.buck2(["kill"]);
      isUp = false;
      const out = join(project.dir, "buck-out/e2e");
      for (const name of readdirSync(out).filter((one) => !one.startsWith("offline")))
        rmSync(join(out, name), { recursive: true });
      rmSync(project.cacheDir, { recursive: true, force: true });
      registry.seen.length = 0;
      const offline = [...fetch(word), "--config", "buck2.use_network_action_output_cache=true"];
      const built = await project.build(["//tool:tool"], { args: offline });
      expect(built.stderr).toContain("BUILD SUCCEEDED");
      expect(readFileSync(built.outputs("root//tool:tool")[0] ?? "", "utf8")).toBe(word);
      expect(registry.seen).toEqual([]);
    } finally {
      await project.stop();
    }
  },
);
