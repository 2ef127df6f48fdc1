/** Every kind of registry × pull, push, list, lock, copy; with what `oras` and `crane` pushed, and what they pull of ours. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, type TestContext, test } from "vitest";
import { oras } from "../support/executable.ts";
import { linuxTool, sha256 } from "../support/layout-project.ts";
import { requireProgram } from "../support/peers.ts";
import { type Ran, run } from "../support/run.ts";
import { kinds, type Site } from "./sites.ts";

const linux = ["--platform", "linux-x86_64"];

describe.each(kinds)("$name", ({ start }) => {
  /** The site with `tool` in its folder, and ways to call programs there that must succeed. */
  async function arrive(
    context: TestContext,
  ): Promise<
    Site & { ours: (...args: string[]) => Promise<Ran>; peer: (name: string, ...args: string[]) => Promise<Ran> }
  > {
    const site = await start(context);
    writeFileSync(join(site.dir, "tool"), linuxTool);
    chmodSync(join(site.dir, "tool"), 0o755);
    const done = (ran: Ran): Ran => {
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(ran.stderr).not.toMatch(/secret|p@ss|c2VjcmV0|Basic |Bearer /);
      return ran;
    };
    const options = { cwd: site.dir, env: site.env };
    return {
      ...site,
      ours: async (...args) => done(await oras([...args, "--verbose"], options)),
      peer: async (name, ...args) => {
        const ran = await run(requireProgram(context, name), args, options);
        expect(ran.exitCode, ran.stderr).toBe(0);
        return ran;
      },
    };
  }

  test("push, list, pull, lock, copy of our own; oras and crane read it", async (context) => {
    const { host, dir, ours, peer, check, orasFlags, craneFlags } = await arrive(context);
    const reference = `${host}/t/tool:1`;
    await ours("push", reference, "--platform", "linux-x86_64=tool", "--platform", "darwin-arm64=tool");
    expect((await ours("list", `${host}/t/tool`)).stdout).toBe("1\n");
    await ours("pull", reference, ...linux, "-o", "out");
    expect(readFileSync(join(dir, "out/tool"), "utf8")).toBe(linuxTool);
    await ours("lock", "add", "tool", reference);
    const lock = JSON.parse(readFileSync(join(dir, "oras.lock.json"), "utf8"));
    expect(lock.tools.tool.platforms["linux-x86_64"].layers).toMatchObject([{ contentDigest: sha256(linuxTool) }]);
    await ours("lock", "update");
    await ours("blob", `${host}/t/tool@${sha256(linuxTool)}`, "--size", String(linuxTool.length), "-o", "blob");
    await ours("copy", reference, "oci:layout:1");
    await ours("copy", "oci:layout:1", `${host}/copied/tool:2`);
    check();
    await peer("oras", "pull", ...orasFlags, "--platform", "linux/amd64", reference, "-o", "by-oras");
    expect(readFileSync(join(dir, "by-oras/tool"), "utf8")).toBe(linuxTool);
    const manifest = await peer("crane", "manifest", ...craneFlags, reference);
    expect(JSON.parse(manifest.stdout)).toMatchObject({ manifests: [{}, {}] });
  });

  test("what oras pushed: pull, list, lock", async (context) => {
    const { host, dir, ours, peer, check, orasFlags } = await arrive(context);
    mkdirSync(join(dir, "kit"));
    writeFileSync(join(dir, "kit/file"), "x");
    await peer("oras", "push", ...orasFlags, `${host}/p/tool:1`, "tool");
    await peer("oras", "push", ...orasFlags, `${host}/p/kit:1`, "kit");
    expect((await ours("list", `${host}/p/tool`)).stdout).toBe("1\n");
    await ours("pull", `${host}/p/tool:1`, "-o", "out");
    await ours("pull", `${host}/p/kit:1`, "-o", "out");
    expect(readFileSync(join(dir, "out/tool"), "utf8")).toBe(linuxTool);
    expect(readFileSync(join(dir, "out/kit/file"), "utf8")).toBe("x");
    await ours("lock", "add", "tool", `${host}/p/tool:1`);
    await ours("push", `${host}/p/again:1`, "tool");
    check();
  });

  test("what crane pushed: pull, list, lock", async (context) => {
    const { host, dir, ours, peer, check, craneFlags, orasFlags } = await arrive(context);
    // A layout that oras makes is what crane pushes as it is.
    await peer("oras", "push", "--oci-layout", "layout:1", "tool");
    await peer("crane", "push", ...craneFlags, "layout", `${host}/c/tool:1`);
    expect((await ours("list", `${host}/c/tool`)).stdout).toBe("1\n");
    await ours("pull", `${host}/c/tool:1`, "-o", "out");
    expect(readFileSync(join(dir, "out/tool"), "utf8")).toBe(linuxTool);
    await ours("lock", "add", "tool", `${host}/c/tool:1`);
    await peer("oras", "manifest", "fetch", ...orasFlags, `${host}/c/tool:1`);
    await ours("push", `${host}/c/again:1`, "tool");
    check();
  });
});
