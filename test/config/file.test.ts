import { chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readConfigFiles } from "../../src/config/file.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { readSettings, type Settings, type SettingsOverrides } from "../../src/config/settings.ts";
import type { Context } from "../../src/context.ts";
import { testContext } from "../support/context.ts";
import { impossibleFolder, temporaryFolder } from "../support/folders.ts";

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
    expect(settings.foundIn).toMatchObject({
      concurrency: join(settings.root, "buck2-oras.json"),
      "timeouts.connectSeconds": expect.stringContaining("config.json"),
      "timeouts.totalSeconds": "default",
    });
  });

  test("no file can name the registry that ORAS_USER and ORAS_TOKEN are for", async () => {
    const settings = await settingsOf({ project: { defaultRegistry: "evil.example" } });
    expect(settings).toMatchObject({ registry: "evil.example", credentialRegistry: undefined });
  });

  test("paths start at the file's folder; registries of both files are known, the user's first", async () => {
    const settings = await settingsOf({
      project: {
        cacheDir: ".cache/oras",
        registries: { acme: { prefix: "evil.example" }, extra: { prefix: "x.example" } },
      },
      user: {
        registries: { acme: { prefix: "ghcr.io/acme" }, tools: { prefix: "reg.lan:5000", mirrors: ["m.lan/x"] } },
      },
    });
    expect(settings.cacheDir).toBe(join(settings.root, ".cache/oras"));
    expect(settings.registries.get("acme")?.prefix).toEqual({ registry: "ghcr.io", repository: "acme" });
    expect(settings.registries.get("extra")?.prefix.registry).toBe("x.example");
    expect(settings.registries.get("tools")?.mirrors).toEqual([{ registry: "m.lan", repository: "x" }]);
  });
});

describe("where the project's file is looked for", () => {
  const write = (folder: string, defaultRegistry: string): void => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "buck2-oras.json"), JSON.stringify({ defaultRegistry }));
  };
  const registryFrom = async (cwd: string, changes: Partial<Context> = {}): Promise<string | undefined> => {
    const context = testContext({ cwd, homeDir: impossibleFolder, ...changes });
    return readSettings({}, context, await readConfigFiles(context)).registry;
  };

  test("from the project's root upward, wherever below it the command runs", async () => {
    const above = temporaryFolder();
    const root = join(above, "project");
    write(above, "above.example");
    write(join(root, "vendor", "cell"), "vendor.example");
    writeFileSync(join(root, ".buckconfig"), "");
    writeFileSync(join(root, "vendor", "cell", ".buckconfig"), "");
    expect(await registryFrom(join(root, "vendor", "cell"))).toBe("above.example");
    write(root, "project.example");
    expect(await registryFrom(join(root, "vendor", "cell"))).toBe("project.example");
    // A project of its own.
    writeFileSync(join(root, "vendor", "cell", ".buckroot"), "");
    expect(await registryFrom(join(root, "vendor", "cell"))).toBe("vendor.example");
  });

  test("a `.buckconfig` in the home folder makes no project; outside of one the working folder counts", async () => {
    const homeDir = temporaryFolder();
    write(homeDir, "home.example");
    writeFileSync(join(homeDir, ".buckconfig"), "");
    const work = join(homeDir, "work");
    write(work, "work.example");
    expect(await registryFrom(work, { homeDir })).toBe("work.example");
  });

  test("a file of somebody else is passed over with a warning, and so is a link of theirs", async () => {
    const above = temporaryFolder();
    const cwd = join(above, "project");
    write(above, "evil.example");
    mkdirSync(cwd);
    const file = join(above, "buck2-oras.json");
    // Whoever runs the tests owns the file; to another user it is a stranger's, unless that is root's.
    const owner = process.getuid?.() ?? 0;
    const stranger = owner === 0 ? 65_534 : owner;
    if (owner === 0) chownSync(file, stranger, stranger);
    const reader = testContext({ cwd, homeDir: impossibleFolder, userId: 12_345 });
    expect((await readConfigFiles(reader)).project).toBeUndefined();
    expect(reader.lines).toEqual([
      `ignored ${file}: it belongs to the user ${stranger}, and neither to you nor to root`,
    ]);
    expect(await registryFrom(cwd, { userId: stranger })).toBe("evil.example");
    // As `sudo` tells it.
    expect(await registryFrom(cwd, { userId: 0, env: { SUDO_UID: String(stranger) } })).toBe("evil.example");
    expect(await registryFrom(cwd, { userId: 0 })).toBeUndefined();
    // Where files have no owner.
    expect(await registryFrom(cwd, { userId: undefined })).toBe("evil.example");

    symlinkSync(file, join(cwd, "buck2-oras.json"));
    if (owner === 0) {
      chownSync(file, 12_345, 12_345);
      lchownSync(join(cwd, "buck2-oras.json"), stranger, stranger);
      const lured = testContext({ cwd, homeDir: impossibleFolder, userId: 12_345 });
      expect((await readConfigFiles(lured)).project?.path).toBe(file);
      expect(lured.lines).toHaveLength(1);
    }
  });
});

describe("a file that is wrong names itself, the line, and what was expected", () => {
  test.each([
    ["not JSON", '{\n  "concurrency": ,\n}', 2, /not JSON: a value is expected$/],
    [
      "a key without quotes",
      "{\n concurrency: 2}",
      2,
      /not JSON: a value is expected|a key in double quotes is expected$/,
    ],
    ["the same key twice", '{"concurrency": 1,\n"concurrency": 2}', 2, /`concurrency` is a repeated key/],
    [
      "the same name twice",
      '{"registries": {"a": {"prefix": "x.io"},\n"a": {"prefix": "y.io"}}}',
      2,
      /`a` is a repeated key/,
    ],
    ...["constructor", "prototype", "__proto__"].map((name): [string, string, number, RegExp] => [
      `a registry named ${name}`,
      `{"registries": {\n"${name}": {"prefix": "x.io"}}}`,
      2,
      new RegExp(`\`${name}\` is a reserved name`),
    ]),
    ["empty text", '{"cacheDir": ""}', 1, /`cacheDir` must be a string that is not empty, not ""$/],
    ["deep lists", "[".repeat(200_000), 1, /nested deeper than the limit of 20 levels$/],
    ["deep objects", '{\n"a":'.repeat(100_000), 21, /nested deeper than the limit of 20 levels$/],
    ["not an object", "[]", 1, /must be a JSON object/],
    ["empty", "", 1, /not JSON|must be a JSON object/],
    [
      "an unknown key",
      '{\n  // why\n  "mirrors": []\n}',
      3,
      /`mirrors` is not a known key; known keys: `\$schema`, `defaultRegistry`, /,
    ],
    [
      "an unknown key deep inside",
      '{"timeouts": {\n"idle": 3}}',
      2,
      /`timeouts\.idle` is not a known key; known keys: `totalSeconds`, `connectSeconds`, `idleSeconds`$/,
    ],
    ["a key with a slip", '{\n"defaultRegistri": "x"}', 2, /did you mean `defaultRegistry`\? Known keys: /],
    [
      "an unknown key of a registry",
      '{"registries": {"a": {\n"prefix": "x.io", "miror": []}}}',
      2,
      /`registries\.a\.miror` is not a known key; did you mean `mirrors`\? Known keys: `prefix`, `mirrors`$/,
    ],
    ["another type", '{\n\n"concurrency": "many"}', 3, /`concurrency` must be a whole number from 1 to 64, not "many"/],
    ["out of range", '{"concurrency": 0}', 1, /`concurrency` must be a whole number from 1 to 64, not 0/],
    [
      "no time at all",
      '{"timeouts": {"idleSeconds": 0}}',
      1,
      /must be a number of seconds above 0, up to 2000000, not 0/,
    ],
    ["an object for a list", '{"plainHttpHosts": {}}', 1, /`plainHttpHosts` must be a list, not an object/],
    ["a long value", `{"concurrency": "${"x".repeat(5000)}"}`, 1, /, not "x{80}…"$/],
    ["a number for a size", '{"retention": {"maxSize": 5}}', 1, /must be a size such as 500M or 2GiB, not 5/],
    ["a URL for a host", '{"defaultRegistry":\n"https://ghcr.io"}', 1, /`defaultRegistry` must be a host/],
    [
      "a bad mirror",
      '{"registries": {"a": {"prefix": "x.io",\n"mirrors": ["y.io/UP"]}}}',
      2,
      /`registries\.a\.mirrors\.0` must be HOST/,
    ],
    ["a name that looks like a host", '{"registries": {"a.b": {"prefix": "x.io"}}}', 1, /must be a name/],
    [
      "a registry without prefix",
      '{"registries": {\n"a": {}}}',
      2,
      /`registries\.a\.prefix` is missing: it must be HOST or HOST\/REPOSITORY/,
    ],
    ["a size that is none", '{"retention": {"maxSize": "big"}}', 1, /must be a size such as/],
  ])("%s", async (_what, text, line, message) => {
    const parsing = parseConfig(text, "/p/buck2-oras.json");
    await expect(parsing).rejects.toMatchObject({ code: "CONFIG_INVALID", exitCode: 78 });
    await expect(parsing).rejects.toThrow(message);
    await expect(parsing).rejects.toThrow(new RegExp(`^/p/buck2-oras\\.json:${line}: `));
  });

  test("a folder of its name is exit 78", async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, "buck2-oras.json"));
    const context = testContext({ cwd, homeDir: impossibleFolder });
    await expect(readConfigFiles(context)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      exitCode: 78,
      message: `${join(cwd, "buck2-oras.json")} is a folder, where a file is expected`,
    });
  });

  test("comments and trailing commas are taken", async () => {
    const config = await parseConfig(
      '\ufeff{ // comment\n "concurrency": 2, "retention": {"maxSize": "2GiB",},\n}',
      "/p",
    );
    expect(config).toEqual({ concurrency: 2, retention: { maxSize: 2 * 1024 ** 3 } });
  });
});
