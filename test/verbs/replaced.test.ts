/** Tags that are moved: the commands say which artifact had the tag before. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import { startServer } from "../support/registry/server.ts";
import type { Ran } from "../support/run.ts";
import { succeeding } from "../support/succeeding.ts";

interface Pushed {
  readonly digest: string;
  readonly replaced: string | null;
}

function desk() {
  const dir = temporaryFolder();
  const call = (...args: readonly string[]): Promise<Ran> => succeeding(oras(args, { cwd: dir }));
  const push = async (reference: string, text: string, ...args: readonly string[]): Promise<Pushed> => {
    writeFileSync(join(dir, "tool"), `#!/bin/sh\necho ${text}\n`);
    const { stdout } = await call("push", reference, ...(args.length === 0 ? ["tool"] : args), "--json");
    return JSON.parse(stdout);
  };
  return { dir, call, push };
}

test.for(["registry", "layout"])("replaced: push and tag name the digest that a tag meant before, %s", async (kind) => {
  const { call, push } = desk();
  const registry = await inProcessRegistry();
  const place = kind === "registry" ? `${registry.host}/t/tool` : "oci:layout";
  const first = await push(`${place}:1`, "one");
  expect(first.replaced).toBeNull();
  expect((await push(`${place}:1`, "one")).replaced).toBeNull();
  const second = await push(`${place}:1`, "two");
  expect(second.replaced).toBe(first.digest);
  const index = await push(`${place}:1`, "two", "--platform", "linux-x86_64=tool");
  expect(index.replaced).toBe(second.digest);

  await push(`${place}:2`, "three");
  const tagged = await call("tag", `${place}:2`, "1", "new", "--json");
  expect(JSON.parse(tagged.stdout).replaced).toEqual([{ tag: "1", digest: index.digest }]);
  const shown = await call("tag", `${place}:1`, "new", "1");
  expect(shown.stderr).not.toContain("Replaced");
  const third = await push(`${place}:1`, "four");
  const told = await call("tag", `${place}:2`, "1");
  expect(told.stderr).toContain(`Replaced: ${third.digest} (1)`);
});

test("replaced: copy names the digest that the destination's tag meant before", async () => {
  const { call, push } = desk();
  const one = await push("oci:from:1", "one");
  await push("oci:from:2", "two");
  const copied = async (tag: string): Promise<unknown> =>
    JSON.parse((await call("copy", `oci:from:${tag}`, "oci:to:1", "--json")).stdout).artifacts[0].replaced;
  expect(await copied("1")).toBeNull();
  expect(await copied("1")).toBeNull();
  expect(await copied("2")).toBe(one.digest);
  expect((await call("copy", "oci:from:1", "oci:to:1")).stderr).toMatch(
    /^Replaced: sha256:[0-9a-f]{64} \(oci:to:1\)$/m,
  );
});

test("replaced: one HEAD asks for it, and a registry that answers nothing to it gets the tag", async () => {
  const { push } = desk();
  const heads: string[] = [];
  const { host } = await startServer(({ method, url }, response, server) => {
    if (method === "HEAD" && url.includes("/manifests/")) heads.push(url);
    if (method === "HEAD") response.writeHead(url.includes("/manifests/") ? 405 : 404).end();
    else if (method === "POST") response.writeHead(202, { location: `http://${server.host}/upload` }).end();
    else response.writeHead(201).end();
  });
  expect((await push(`${host}/t/tool:1`, "one")).replaced).toBeNull();
  expect(heads).toEqual(["/v2/t/tool/manifests/1"]);
});

test.for(["registry", "layout"])("replaced: push names the platforms that the tag loses, %s", async (kind) => {
  const { dir, call } = desk();
  writeFileSync(join(dir, "tool"), "#!/bin/sh\n");
  const place = kind === "registry" ? `${(await inProcessRegistry()).host}/t/tool:1` : "oci:layout:1";
  const push = async (...platforms: readonly string[]) => {
    const ran = await call("push", place, ...platforms.map((one) => `--platform=${one}=tool`), "--json");
    return { ...ran, lost: JSON.parse(ran.stdout).platformsLost };
  };
  expect((await push("linux-x86_64", "linux-aarch64", "darwin-arm64")).lost).toEqual([]);
  const fewer = await push("linux-x86_64");
  expect(fewer.lost).toEqual(["darwin-arm64", "linux-aarch64"]);
  expect(fewer.stderr).toContain(
    `warning: ${place} had darwin-arm64, linux-aarch64 before, and no longer has: publish all platforms in one command`,
  );
  expect((await push("linux-x86_64")).stderr).not.toContain("warning");
  expect((await push("linux-x86_64", "darwin-arm64")).lost).toEqual([]);
  const forAll = await call("push", place, "tool");
  expect(forAll.stderr).not.toContain("warning");
});
