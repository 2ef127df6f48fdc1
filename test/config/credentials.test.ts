/** Where a login comes from: the variables and the docker configuration. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { environmentFor, environmentWithoutOurs } from "../../src/child/environment.ts";
import { createCredentialProvider } from "../../src/config/credentials.ts";
import { readSettings } from "../../src/config/settings.ts";
import type { Credentials } from "../../src/model/credentials.ts";
import { codeOf, noConfigFiles, testContext } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";

const none: Credentials = { kind: "none" };
const auth = (login: string): string => Buffer.from(login).toString("base64");

interface Surroundings {
  /** Text of the docker configuration, or what it holds. */
  readonly config?: unknown;
  readonly env?: Readonly<Record<string, string>>;
  /** What `--registry` says. */
  readonly registry?: string;
}

/** A lookup by registry host, in a home of its own. */
function credentialsFor({ config, env = {}, registry }: Surroundings): (host: string) => Promise<Credentials> {
  const homeDir = temporaryFolder();
  mkdirSync(join(homeDir, ".docker"));
  const text = typeof config === "string" ? config : JSON.stringify(config);
  if (config !== undefined) writeFileSync(join(homeDir, ".docker", "config.json"), text);
  const context = testContext({ env, homeDir });
  const provider = createCredentialProvider(
    readSettings({ registry }, context, noConfigFiles),
    context,
    new AbortController().signal,
  );
  return async (host) => (await provider(host)).credentials;
}

describe("DOCKER_AUTH_CONFIG", () => {
  const inVariable = (auths: unknown) => ({ DOCKER_AUTH_CONFIG: JSON.stringify({ auths, credsStore: "missing" }) });
  const config = { auths: { "reg.example": { auth: auth("file:f") }, "other.example": { auth: auth("file:f") } } };

  test("comes before the file, for its own hosts; only `auths` count", async () => {
    const found = credentialsFor({ config, env: inVariable({ "reg.example": { auth: auth("ci:c") } }) });
    expect(await found("reg.example")).toEqual({ kind: "basic", username: "ci", password: "c" });
    expect(await found("other.example")).toEqual({ kind: "basic", username: "file", password: "f" });
    expect(await credentialsFor({ env: inVariable(null) })("reg.example")).toMatchObject(none);
  });

  test.each(["hunter2", '{"auths": "hunter2"}', '["hunter2"]'])(
    "%s is an error that does not quote it",
    async (text) => {
      const found = credentialsFor({ config, env: { DOCKER_AUTH_CONFIG: text } })("reg.example");
      const error = await found.then(
        () => undefined,
        (thrown: Error) => thrown,
      );
      expect(error).toMatchObject({ code: "CONFIG_INVALID", hint: expect.stringContaining("DOCKER_AUTH_CONFIG") });
      expect(error?.message).toMatch(/^DOCKER_AUTH_CONFIG is not a docker configuration/);
      expect(error?.message).not.toContain("hunter2");
    },
  );

  test("is passed to no program that we start", () => {
    expect(environmentWithoutOurs({ DOCKER_AUTH_CONFIG: "x", DOCKER_CONFIG: "y" })).toEqual({ DOCKER_CONFIG: "y" });
    expect(environmentFor({ DOCKER_AUTH_CONFIG: "x" }, ["DOCKER_*"])).toEqual({});
  });
});

describe("the environment", () => {
  const env = { ORAS_USER: "u", ORAS_PASS: "p" };
  const login: Credentials = { kind: "basic", username: "u", password: "p" };

  test("counts for the registry that was named, and for no other", async () => {
    const byOption = credentialsFor({ env, registry: "reg.example:5000" });
    expect(await byOption("reg.example:5000")).toEqual(login);
    for (const other of ["reg.example", "reg.example:5001", "sub.reg.example:5000", "localhost:5000"]) {
      expect(await byOption(other), other).toMatchObject(none);
    }
    const byVariable = credentialsFor({ env: { ...env, BUCK2_ORAS_REGISTRY: "reg.example" } });
    expect(await byVariable("reg.example")).toEqual(login);
    expect(await credentialsFor({ env })("reg.example")).toMatchObject(none);
  });

  test("that was not used says so in the hint, by its name alone", async () => {
    for (const [name, given] of [
      ["ORAS_USER", env],
      ["ORAS_TOKEN", { ORAS_TOKEN: "hunter2" }],
    ] as const) {
      const found = await credentialsFor({ env: given, registry: "other.example" })("reg.example");
      expect(found).toMatchObject({ kind: "none", withheld: expect.stringContaining(`to use ${name} there`) });
      expect(found).toMatchObject({ withheld: expect.stringContaining("(other.example)") });
      expect(JSON.stringify(found)).not.toContain("hunter2");
    }
    expect(await credentialsFor({})("reg.example")).toEqual(none);
  });

  test("a password may have line breaks inside, as a key file has", async () => {
    const key = '{\n  "type": "service_account",\n\t"private_key": "x\\n"\n}';
    const found = credentialsFor({ env: { ORAS_USER: "_json_key", ORAS_PASS: `${key}\n` }, registry: "reg.example" });
    expect(await found("reg.example")).toEqual({ kind: "basic", username: "_json_key", password: key });
  });

  test("a token comes before a login; half a login is none", async () => {
    const token = credentialsFor({ env: { ...env, ORAS_TOKEN: "t" }, registry: "reg.example" });
    expect(await token("reg.example")).toEqual({ kind: "bearer", token: "t" });
    expect(await credentialsFor({ env: { ORAS_USER: "u" }, registry: "reg.example" })("reg.example")).toEqual({
      kind: "none",
      withheld: "set ORAS_PASS as well: ORAS_USER alone is no login",
    });
    const empty = credentialsFor({ env: { ORAS_TOKEN: "", ...env }, registry: "reg.example" });
    expect(await empty("reg.example")).toEqual(login);
  });

  test("a newline at the end is none of it; other characters that no header can hold are exit 78", async () => {
    const registry = "reg.example";
    const token = credentialsFor({ env: { ORAS_TOKEN: "t\n" }, registry });
    expect(await token(registry)).toEqual({ kind: "bearer", token: "t" });
    const login = credentialsFor({ env: { ORAS_USER: "u\r\n", ORAS_PASS: "p w\n" }, registry });
    expect(await login(registry)).toEqual({ kind: "basic", username: "u", password: "p w" });
    for (const [name, env] of [
      ["ORAS_TOKEN", { ORAS_TOKEN: "hunter\n2" }],
      ["ORAS_TOKEN", { ORAS_TOKEN: "hünter2" }],
      ["ORAS_TOKEN", { ORAS_TOKEN: "hunter 2" }],
      ["ORAS_PASS", { ORAS_USER: "u", ORAS_PASS: "hunter\u00002" }],
      ["ORAS_USER", { ORAS_USER: "u\u0000", ORAS_PASS: "hunter2" }],
    ] as const) {
      const asking = credentialsFor({ env, registry })(registry);
      await expect(asking).rejects.toMatchObject({ code: "CONFIG_INVALID", exitCode: 78 });
      await expect(asking).rejects.toThrow(`${name} has characters`);
      await expect(asking).rejects.not.toThrow(/2$|nter/);
    }
  });

  test("comes before the docker configuration", async () => {
    const both = credentialsFor({
      env,
      registry: "reg.example",
      config: { auths: { "reg.example": { auth: auth("d:e") } } },
    });
    expect(await both("reg.example")).toEqual(login);
  });
});

describe("the docker configuration", () => {
  test("a key is the whole host, however it is written: never a prefix or a part of it", async () => {
    const keys = ["reg.example", "https://reg.example", "https://reg.example/v1/", "http://REG.example/v2/"];
    for (const key of keys) {
      const found = await credentialsFor({ config: { auths: { [key]: { auth: auth("u:p:q") } } } })("reg.example");
      expect(found, key).toEqual({ kind: "basic", username: "u", password: "p:q" });
    }
    const others = [
      "reg.exampl",
      "reg.example.evil",
      "eg.example",
      "example",
      "reg.example:443",
      "reg.example/team",
      "",
    ];
    for (const key of others) {
      const found = await credentialsFor({ config: { auths: { [key]: { auth: auth("u:p") } } } })("reg.example");
      expect(found, key).toEqual(none);
    }
  });

  test("Docker Hub is under Docker's own key", async () => {
    const found = credentialsFor({ config: { auths: { "https://index.docker.io/v1/": { auth: auth("u:p") } } } });
    expect(await found("registry-1.docker.io")).toMatchObject({ kind: "basic", username: "u" });
    expect(await found("other.docker.io")).toEqual(none);
  });

  test("identity tokens, registry tokens and plain fields are read; an empty entry says nothing", async () => {
    const found = credentialsFor({
      config: {
        auths: {
          "identity.example": { auth: auth("u:p"), identitytoken: "refresh" },
          "token.example": { registrytoken: "bearer" },
          "plain.example": { username: "u", password: "p" },
          "empty.example": { username: "u", password: "" },
          "helper.example": {},
          "null.example": null,
        },
        HttpHeaders: { "User-Agent": "x" },
      },
    });
    expect(await found("identity.example")).toEqual({ kind: "identity", token: "refresh" });
    expect(await found("token.example")).toEqual({ kind: "bearer", token: "bearer" });
    expect(await found("plain.example")).toEqual({ kind: "basic", username: "u", password: "p" });
    expect(await found("empty.example")).toEqual({ kind: "basic", username: "u", password: "" });
    expect(await found("helper.example")).toEqual(none);
    expect(await found("null.example")).toEqual(none);
  });

  test("DOCKER_CONFIG names another folder; no file at all is no error", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: { "reg.example": { auth: auth("u:p") } } }));
    expect(await credentialsFor({ env: { DOCKER_CONFIG: folder } })("reg.example")).toMatchObject({ kind: "basic" });
    expect(await credentialsFor({})("reg.example")).toEqual(none);
  });

  test.each([
    ["an empty file", ""],
    ["blank lines", "\n \n"],
    ["null for everything", '{"auths": null, "credHelpers": null, "credsStore": null}'],
    ["null in an entry", '{"auths": {"reg.example": null}, "credHelpers": {"reg.example": null}}'],
    [
      "null in each field",
      '{"auths": {"reg.example": {"auth": null, "username": null, "password": null, "identitytoken": null, "registrytoken": null}}}',
    ],
  ])("%s gives no login", async (_what, config) => {
    expect(await credentialsFor({ config })("reg.example")).toEqual(none);
  });

  test.each([
    ["not JSON", "{ secret"],
    ["not an object", "[]"],
    ["auths of another type", '{"auths": ["secret"]}'],
    ["an auth of another type", '{"auths": {"reg.example": {"auth": 1}}}'],
    ["an auth without a colon", JSON.stringify({ auths: { "reg.example": { auth: auth("secret") } } })],
  ])("%s is exit 78, names the file and shows nothing of what it holds", async (_what, config) => {
    const error = await credentialsFor({ config })("reg.example").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "CONFIG_INVALID",
      exitCode: 78,
      message: expect.stringContaining("config.json"),
    });
    expect(String(error)).not.toMatch(/secret|c2VjcmV0/);
  });

  test("a folder in its place is an error of the configuration", async () => {
    const homeDir = temporaryFolder();
    mkdirSync(join(homeDir, ".docker", "config.json"), { recursive: true });
    const context = testContext({ homeDir });
    const provider = createCredentialProvider(
      readSettings({}, context, noConfigFiles),
      context,
      new AbortController().signal,
    );
    expect(await codeOf(provider("reg.example"))).toBe("CONFIG_INVALID");
  });
});
