/** Logins in the files of other clients: which file counts, and what a missing or broken one says. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createCredentialProvider } from "../../src/config/credentials.ts";
import { changeDockerConfig, dockerConfigPath } from "../../src/config/docker-config.ts";
import { readSettings } from "../../src/config/settings.ts";
import { noConfigFiles, noSignal, testContext } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";

const auth = (login: string): string => Buffer.from(login).toString("base64");

describe("files of other clients", () => {
  const login = JSON.stringify({ auths: { "reg.example": { auth: auth("u:p") } } });

  /** What is found and said, in surroundings of its own. */
  async function lookUp(env: Readonly<Record<string, string>>, homeDir: string, userId?: number) {
    const context = testContext({ env, homeDir, ...(userId === undefined ? {} : { userId }) });
    const settings = readSettings({}, context, noConfigFiles);
    const provider = createCredentialProvider(settings, context, new AbortController().signal);
    const { credentials, foundIn } = await provider("reg.example");
    return { kind: credentials.kind, foundIn, lines: context.lines };
  }

  test("Podman's login of the user is found, where XDG_CONFIG_HOME says or below the home", async () => {
    const homeDir = temporaryFolder();
    const path = join(homeDir, ".config", "containers", "auth.json");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, login);
    expect(await lookUp({}, homeDir)).toMatchObject({ kind: "basic", foundIn: path });
    expect(await lookUp({ XDG_CONFIG_HOME: join(homeDir, ".config") }, temporaryFolder())).toMatchObject({
      foundIn: path,
    });
    expect(await lookUp({ XDG_CONFIG_HOME: temporaryFolder() }, homeDir)).toMatchObject({ kind: "none" });
  });

  test.skipIf(process.geteuid?.() !== 0)("so is that of a session without XDG_RUNTIME_DIR (needs root)", async () => {
    const userId = 4_000_000 + process.pid;
    const folder = `/run/containers/${userId}`;
    mkdirSync(folder, { recursive: true });
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "auth.json"), login);
    expect(await lookUp({}, temporaryFolder(), userId)).toMatchObject({
      kind: "basic",
      foundIn: join(folder, "auth.json"),
    });
    expect(await lookUp({}, temporaryFolder(), userId + 1)).toMatchObject({ kind: "none" });
  });

  test("a broken file that nobody named is passed over with a warning", async () => {
    const homeDir = temporaryFolder();
    const path = join(homeDir, ".config", "containers", "auth.json");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "{broken secret");
    const { kind, lines } = await lookUp({}, homeDir);
    expect(kind).toBe("none");
    expect(lines).toContainEqual(expect.stringContaining(`${path} is not a docker configuration`));
    expect(lines.join()).not.toContain("secret");
  });

  test("a variable that names nothing useful is said, and nothing else is", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "file");
    writeFileSync(file, login);
    const missing = join(folder, "missing");
    const said = async (env: Readonly<Record<string, string>>) => {
      const { kind, lines } = await lookUp(env, temporaryFolder());
      expect(kind).toBe("none");
      return lines.filter((line) => line.includes("names"));
    };
    expect(await said({ DOCKER_CONFIG: file })).toEqual([expect.stringContaining(`${file}, which is a file`)]);
    expect(await said({ REGISTRY_AUTH_FILE: missing })).toEqual([expect.stringContaining(`names ${missing}`)]);
    for (const usual of [folder, missing]) expect(await said({ DOCKER_CONFIG: usual })).toEqual([]);
    expect(await said({})).toEqual([]);
  });

  test("a login is not written below a file that DOCKER_CONFIG names", async () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, login);
    const context = testContext({ env: { DOCKER_CONFIG: file }, homeDir: temporaryFolder() });
    const change = changeDockerConfig(dockerConfigPath(context), (config) => config, context, noSignal);
    await expect(change).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      hint: expect.stringContaining("DOCKER_CONFIG"),
    });
    expect(readFileSync(file, "utf8")).toBe(login);
  });
});
