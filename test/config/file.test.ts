import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseConfig, readConfigFiles } from "../../src/config/file.ts";
import { readSettings, type Settings, type SettingsOverrides } from "../../src/config/settings.ts";
import { testContext } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";

interface Surroundings {
  readonly project?: object;
  readonly user?: object;
  readonly env?: Readonly<Record<string, string>>;
  readonly overrides?: SettingsOverrides;
}

/** Settings as a command has them that runs in `root/a/b`, with the project's file in `root`. */
async function settingsOf({
  project,
  user,
  env = {},
  overrides = {},
}: Surroundings): Promise<Settings & { root: string }> {
  const root = temporaryFolder();
  const homeDir = temporaryFolder();
  const cwd = join(root, "a", "b");
  mkdirSync(cwd, { recursive: true });
  mkdirSync(join(homeDir, ".config", "buck2-oras"), { recursive: true });
  if (project !== undefined) writeFileSync(join(root, "buck2-oras.json"), JSON.stringify(project));
  if (user !== undefined) writeFileSync(join(homeDir, ".config/buck2-oras/config.json"), JSON.stringify(user));
  const context = testContext({ cwd, homeDir, env });
  return { ...readSettings(overrides, context, await readConfigFiles(context)), root };
}

describe("which one wins", () => {
  test("an option, then a variable, then the project's file, then the user's, then the default", async () => {
    const project = { defaultRegistry: "project.example" };
    const user = { defaultRegistry: "user.example" };
    const env = { BUCK2_ORAS_REGISTRY: "env.example" };
    const overrides = { registry: "option.example" };
    expect((await settingsOf({ project, user, env, overrides })).registry).toBe("option.example");
    expect((await settingsOf({ project, user, env })).registry).toBe("env.example");
    expect((await settingsOf({ project, user })).registry).toBe("project.example");
    expect((await settingsOf({ user })).registry).toBe("user.example");
    expect((await settingsOf({})).registry).toBeUndefined();
  });

  test("key by key, and each says where it came from", async () => {
    const settings = await settingsOf({
      project: { timeouts: { idleSeconds: 5 }, concurrency: 8 },
      user: { timeouts: { idleSeconds: 9, connectSeconds: 7 } },
    });
    expect(settings).toMatchObject({ idleTimeoutMs: 5000, connectTimeoutMs: 7000, timeoutMs: 600_000, concurrency: 8 });
    expect(settings.sources).toMatchObject({
      concurrency: join(settings.root, "buck2-oras.json"),
      "timeouts.connectSeconds": expect.stringContaining("config.json"),
      "timeouts.totalSeconds": "default",
    });
  });

  test("no file can name the registry that ORAS_USER and ORAS_TOKEN are for", async () => {
    const settings = await settingsOf({ project: { defaultRegistry: "evil.example" } });
    expect(settings).toMatchObject({ registry: "evil.example", credentialRegistry: undefined });
  });

  test("paths start at the file's folder; registries of both files are known, the project's first", async () => {
    const settings = await settingsOf({
      project: { cacheDir: ".cache/oras", registries: { acme: { prefix: "ghcr.io/acme" } } },
      user: {
        registries: { acme: { prefix: "other.example" }, tools: { prefix: "reg.lan:5000", mirrors: ["m.lan/x"] } },
      },
    });
    expect(settings.cacheDir).toBe(join(settings.root, ".cache/oras"));
    expect(settings.registries.get("acme")?.prefix).toEqual({ registry: "ghcr.io", repository: "acme" });
    expect(settings.registries.get("tools")?.mirrors).toEqual([{ registry: "m.lan", repository: "x" }]);
  });
});

describe("a file that is wrong names itself, the line, and what was expected", () => {
  test.each([
    ["not JSON", '{\n  "concurrency": ,\n}', 2, /not JSON \(ValueExpected\)/],
    ["not an object", "[]", 1, /must be a JSON object/],
    ["empty", "", 1, /not JSON|must be a JSON object/],
    ["an unknown key", '{\n  // why\n  "mirrors": []\n}', 3, /`mirrors`: is not known here/],
    ["an unknown key deep inside", '{"timeouts": {\n"idle": 3}}', 2, /`timeouts\.idle`: is not known here/],
    ["another type", '{\n\n"concurrency": "many"}', 3, /`concurrency`: must be number, not "many"/],
    ["out of range", '{"concurrency": 0}', 1, /`concurrency`: must be >=1, not 0/],
    ["a URL for a host", '{"defaultRegistry":\n"https://ghcr.io"}', 1, /`defaultRegistry`: must be a host/],
    [
      "a bad mirror",
      '{"registries": {"a": {"prefix": "x.io",\n"mirrors": ["y.io/UP"]}}}',
      2,
      /`registries\.a\.mirrors\.0`: must be HOST/,
    ],
    ["a name that looks like a host", '{"registries": {"a.b": {"prefix": "x.io"}}}', 1, /must be a name/],
    ["a registry without prefix", '{"registries": {\n"a": {}}}', 2, /`registries\.a\.prefix`/],
    ["a size that is none", '{"retention": {"maxSize": "big"}}', 1, /must be a size such as/],
  ])("%s", async (_what, text, line, message) => {
    const parsing = parseConfig(text, "/p/buck2-oras.json");
    await expect(parsing).rejects.toMatchObject({ code: "CONFIG_INVALID", exitCode: 78 });
    await expect(parsing).rejects.toThrow(message);
    await expect(parsing).rejects.toThrow(new RegExp(`^/p/buck2-oras\\.json:${line}: `));
  });

  test("comments and trailing commas are taken", async () => {
    const config = await parseConfig(
      '\ufeff{ // comment\n "concurrency": 2, "retention": {"maxSize": "2GiB",},\n}',
      "/p",
    );
    expect(config).toEqual({ concurrency: 2, retention: { maxSize: 2 * 1024 ** 3 } });
  });
});
