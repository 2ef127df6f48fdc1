/** Whoever wrote the checkout that a command runs in: what its `buck2-oras.json` decides, and what it does not. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { jsonSchemas } from "../../src/cli/schemas.ts";
import { type Home, homeWithCheckout } from "../support/home.ts";
import { linuxTool } from "../support/layout-project.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";

type Shown = v.InferOutput<(typeof jsonSchemas)["show-config"]>;

async function config({ oras }: Home, args: readonly string[] = [], env: Record<string, string> = {}) {
  const ran = await oras(["config", "--json", ...args], { env });
  expect(ran.exitCode, ran.stderr + ran.stdout).toBe(0);
  const shown: Shown = v.parse(jsonSchemas["show-config"], JSON.parse(ran.stdout));
  const value = (name: string) => shown.settings.find((one) => one.name === name)?.value;
  return { value, leftOut: shown.leftOut.map(({ key }) => key), registries: shown.registries, stderr: ran.stderr };
}

describe("auditLog", () => {
  test("a checkout's: nothing is appended where it says, also through a link, and the work is done", async () => {
    const server = await startServer(serveTool(linuxTool));
    const place = homeWithCheckout();
    const bashrc = join(place.home, ".bashrc");
    writeFileSync(bashrc, "# mine\n");
    symlinkSync(bashrc, join(place.checkout, "log"));
    for (const auditLog of ["../../.bashrc", bashrc, "log", "audit.jsonl"]) {
      place.project({ auditLog });
      const ran = await place.oras(["list", `${server.host}/t/tool`]);
      expect(ran.stderr).toContain(
        `warning: 1 setting of ${place.projectFile} is ignored: auditLog; for the reasons, see \`buck2-oras config\`\n`,
      );
      expect(ran.stderr.match(/^warning/gm)).toHaveLength(1);
      expect(readFileSync(bashrc, "utf8")).toBe("# mine\n");
      expect(existsSync(join(place.checkout, "audit.jsonl"))).toBe(false);
    }
    expect(server.seen).toHaveLength(4);
  });

  test("the user's own in the checkout: a link that was shipped under its name is refused, before the work", async () => {
    const place = homeWithCheckout();
    const bashrc = join(place.home, ".bashrc");
    writeFileSync(bashrc, "# mine\n");
    symlinkSync(bashrc, join(place.checkout, "audit.jsonl"));
    // What it leads to would be made.
    symlinkSync(join(place.home, ".profile"), join(place.checkout, "new.jsonl"));
    symlinkSync(place.home, join(place.checkout, "logs"));
    for (const path of ["audit.jsonl", "new.jsonl", "logs/.bashrc", "logs/.zshrc"]) {
      const ran = await place.oras(["list", "oci:nowhere", "--audit-log", path]);
      expect(ran.exitCode, ran.stderr).toBe(78);
      expect(ran.stderr).toContain(`the audit log ${join(place.checkout, path)} is a link that leads out`);
    }
    expect(readFileSync(bashrc, "utf8")).toBe("# mine\n");
    expect(existsSync(join(place.home, ".profile"))).toBe(false);
    // One that the user named where it is, and one that stays inside.
    symlinkSync(bashrc, join(place.home, "my.log"));
    symlinkSync("inner.jsonl", join(place.checkout, "in.jsonl"));
    for (const path of [join(place.home, "my.log"), "plain.jsonl", "sub/plain.jsonl"]) {
      expect((await place.oras(["list", "oci:nowhere", "--audit-log", path])).exitCode).toBe(66);
    }
    expect(readFileSync(bashrc, "utf8")).toContain('"operation":"list"');
    expect(existsSync(join(place.checkout, "plain.jsonl"))).toBe(true);
  });
});

test("no host of a checkout is link-local, where metadata services of clouds answer; the user's own may be", async () => {
  const place = homeWithCheckout();
  const said = {
    defaultRegistry: "169.254.169.254",
    plainHttpHosts: ["reg.lan:5000", "[fe80::1]:80"],
    registries: {
      one: { prefix: "169.254.1.1:80/latest" },
      two: { prefix: "reg.lan/tools", mirrors: ["reg.lan:1/x", "[::ffff:a9fe:a9fe]/x", "[fd20:ce::254]/x"] },
      three: { prefix: "0.0.0.0:5000/tools" },
    },
  };
  place.project(said);
  const { leftOut, registries, value } = await config(place);
  expect(leftOut).toEqual(["defaultRegistry", "plainHttpHosts", "registries.one", "registries.two"]);
  expect(registries.map(({ name }) => name)).toEqual(["three"]);
  expect(value("defaultRegistry")).toBeNull();
  place.project({});
  place.user(said);
  expect((await config(place)).registries.map(({ name }) => name).toSorted()).toEqual(["one", "three", "two"]);
});

describe("cacheDir and retention", () => {
  test("a checkout's cache is a folder inside the checkout, links followed; else the user's is used, with one warning", async () => {
    const place = homeWithCheckout();
    symlinkSync("../..", join(place.checkout, "up"));
    symlinkSync("../../not-yet", join(place.checkout, "nowhere"));
    symlinkSync(".", join(place.checkout, "self"));
    symlinkSync("loop", join(place.checkout, "loop"));
    const usersOwn = join(place.home, ".cache", "buck2-oras");
    for (const cacheDir of [
      "..",
      ".",
      "../..",
      place.home,
      "a/../..",
      "up",
      "up/x",
      "nowhere",
      "nowhere/x",
      "self",
      "loop",
    ]) {
      place.project({ cacheDir, retention: { olderThanDays: 1 } });
      const { value, leftOut, stderr } = await config(place);
      expect(value("cacheDir"), cacheDir).toBe(usersOwn);
      expect(value("retention.olderThanDays"), cacheDir).toBe(null);
      expect(leftOut, cacheDir).toEqual(["cacheDir", "retention"]);
      expect(stderr, cacheDir).not.toContain("warning");
    }
    mkdirSync(join(place.checkout, "real"));
    symlinkSync("real", join(place.checkout, "inner"));
    for (const cacheDir of [".cache/oras", "inner/cache", "real"]) {
      place.project({ cacheDir, retention: { olderThanDays: 1 } });
      const { value, leftOut, stderr } = await config(place);
      expect(value("cacheDir")).toBe(join(place.checkout, cacheDir));
      expect(value("retention.olderThanDays")).toBe(1);
      expect({ leftOut, stderr }).toEqual({ leftOut: [], stderr: expect.not.stringContaining("warning") });
    }
  });

  test("a checkout's retention says nothing of another cache", async () => {
    const place = homeWithCheckout();
    place.project({ retention: { maxSize: "1" } });
    const alone = await config(place);
    expect(alone).toMatchObject({ leftOut: ["retention"], stderr: expect.not.stringContaining("warning") });
    expect((await place.oras(["list", "oci:nowhere"])).stderr).toContain("is ignored: retention; ");
    expect(alone.value("retention.maxSize")).toBe(null);
    place.project({ cacheDir: "cache", retention: { maxSize: "1" } });
    expect((await config(place)).value("retention.maxSize")).toBe(1);
    // Of the cache that an option or a variable names, it says as little.
    for (const env of [{}, { BUCK2_ORAS_CACHE_DIR: join(place.home, "mine") }]) {
      const args = Object.keys(env).length === 0 ? ["--cache-dir", "cache"] : [];
      const other = await config(place, args, env);
      expect(other.value("retention.maxSize")).toBe(null);
      expect(other.stderr).not.toContain("warning");
    }
    place.user({ retention: { maxSize: "2G" } });
    expect((await config(place, ["--cache-dir", "cache"])).value("retention.maxSize")).toBe(2 * 1000 ** 3);
  });

  test("what the user has said already is no loss, and needs no warning; config and doctor tell it all the same", async () => {
    const place = homeWithCheckout();
    place.project({ auditLog: "log", cacheDir: "..", retention: { maxSize: "1" } });
    place.user({ auditLog: "mine.jsonl", cacheDir: "mine", retention: { olderThanDays: 9 } });
    const shown = await config(place);
    expect((await place.oras(["list", "oci:nowhere"])).stderr).not.toContain("warning");
    expect(shown.stderr).not.toContain("warning");
    expect(shown.leftOut).toEqual(["auditLog", "cacheDir", "retention"]);
    const doctor = await place.oras(["doctor", "oci:nowhere:1"]);
    expect(doctor.stdout).toMatch(/^configuration +warning +\d+ ms +\S+buck2-oras\.json, \S+config\.json/m);
    expect(doctor.stdout).toMatch(/^hint \(configuration\): ignored in .*`auditLog`.*`cacheDir`.*`retention`/m);
    expect((await place.oras(["config"])).stdout).toMatch(
      /left out +file +why\nauditLog +\S+buck2-oras\.json +a project must not .*; set it/,
    );
  });
});

describe("names, mirrors and the default registry", () => {
  test("a name that the user's file defines means that; new names and their mirrors are taken", async () => {
    const [mine, evil, mirror] = [
      await startServer(serveTool(linuxTool)),
      await startServer(serveTool(linuxTool)),
      await startServer(serveTool(linuxTool)),
    ];
    const place = homeWithCheckout();
    place.user({ registries: { acme: { prefix: `${mine.host}/t`, mirrors: [`${mirror.host}/t`] } } });
    place.project({
      registries: {
        acme: { prefix: `${evil.host}/t` },
        // Longer, and so nearer: it would ask its own mirror in place of the user's.
        lure: { prefix: `${mine.host}/t/tool`, mirrors: [`${evil.host}/t/tool`] },
        team: { prefix: `${evil.host}/t` },
      },
    });
    const pulled = await place.oras(["pull", "acme/tool:1", "-o", "tool"]);
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    expect(pulled.stderr).not.toContain("warning");
    expect((await config(place)).leftOut).toEqual(["registries.acme"]);
    expect(evil.seen).toEqual([]);
    expect(mirror.seen).not.toEqual([]);
    expect((await place.oras(["pull", "team/tool:1", "-o", "team"])).exitCode).toBe(0);
    expect(evil.seen).not.toEqual([]);
    // The same in both is no contradiction.
    place.project({ registries: { acme: { prefix: `${mine.host}/t`, mirrors: [`${mirror.host}/t`] } } });
    expect(await config(place)).toMatchObject({ leftOut: [], stderr: expect.not.stringContaining("warning") });
  });

  test("a checkout's default registry is read from, and never written to", async () => {
    const [evil, mine] = [await startServer(serveTool(linuxTool)), await startServer(serveTool(linuxTool))];
    const place = homeWithCheckout();
    place.project({ defaultRegistry: evil.host });
    writeFileSync(join(place.checkout, "tool"), linuxTool);
    expect((await place.oras(["pull", "t/tool:1"])).exitCode).toBe(0);
    evil.seen.length = 0;
    for (const own of [{}, { defaultRegistry: mine.host }]) {
      place.user(own);
      for (const args of [
        ["push", "t/tool:1", "tool"],
        ["attach", "t/tool:1", "tool", "--artifact-type", "x/y"],
        ["copy", "oci:nowhere:1", "t/tool:1"],
        ["tag", "t/tool:1", "latest"],
        ["prune", "t/tool", "--keep-last", "1"],
      ]) {
        const ran = await place.oras(args);
        expect(ran.exitCode, ran.stderr).toBe(64);
        expect(ran.stderr).toContain(
          `REGISTRY_NOT_NAMED]: ${args.find((one) => one.startsWith("t/"))} names no registry`,
        );
        expect(ran.stderr).toContain(`if you mean ${evil.host}/t/tool`);
      }
    }
    expect([...evil.seen, ...mine.seen]).toEqual([]);
    const named = await place.oras(["tag", "t/tool:1", "latest", "--registry", mine.host]);
    expect(named.stderr).not.toContain("REGISTRY_NOT_NAMED");
    expect(mine.seen).not.toEqual([]);
  });

  test("a checkout's name is read from, and nothing is written or deleted there; the user's own name is good for all", async () => {
    const [evil, mine] = [await startServer(serveTool(linuxTool)), await startServer(serveTool(linuxTool))];
    const place = homeWithCheckout();
    place.project({ registries: { team: { prefix: `${evil.host}/stolen` } } });
    place.user({ defaultRegistry: mine.host });
    writeFileSync(join(place.checkout, "tool"), linuxTool);
    for (const args of [
      ["push", "team/tool:1", "tool"],
      ["attach", "team/tool:1", "tool", "--artifact-type", "x/y"],
      ["import", "file:tool", "team/tool:1"],
      ["copy", "oci:nowhere:1", "team/tool:1"],
      ["tag", "team/tool:1", "latest"],
      ["prune", "team/tool", "--keep-last", "1", "--delete"],
    ]) {
      const ran = await place.oras(args);
      expect(ran.exitCode, ran.stderr).toBe(64);
      expect(ran.stderr).toContain(`REGISTRY_NOT_NAMED]: \`team\` in team/tool`);
      expect(ran.stderr).toContain(`is defined in ${place.projectFile}\n`);
      expect(ran.stderr).toContain(`if you mean ${evil.host}/stolen/tool`);
    }
    expect([...evil.seen, ...mine.seen]).toEqual([]);
    place.user({ registries: { team: { prefix: `${mine.host}/t` } } });
    expect((await place.oras(["tag", "team/tool:1", "latest"])).stderr).not.toContain("REGISTRY_NOT_NAMED");
    expect(mine.seen).not.toEqual([]);
    expect(evil.seen).toEqual([]);
  });
});

test("an empty HOME and relative XDG folders: files of the checkout are not taken for the user's", async () => {
  const place = homeWithCheckout();
  mkdirSync(join(place.checkout, ".config", "buck2-oras"), { recursive: true });
  writeFileSync(join(place.checkout, ".config/buck2-oras/config.json"), '{"auditLog": "evil.jsonl", "concurrency": 7}');
  for (const env of [{ HOME: "" }, { HOME: "." }, { XDG_CONFIG_HOME: ".config" }, { XDG_CACHE_HOME: "c" }]) {
    const { value } = await config(place, [], env);
    expect(value("concurrency"), JSON.stringify(env)).toBe(4);
    expect(value("auditLog")).toBe(null);
    expect(String(value("cacheDir"))).not.toContain(place.checkout);
  }
});
