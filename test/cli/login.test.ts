/** `login` and `logout` at a real registry, with the docker configuration and with a credential helper. */
import type { ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, type TestContext, test } from "vitest";
import { type DockerRegistry, startDockerRegistry, userSecret } from "../support/docker-registry.ts";
import { oras, type Ran, type RunOptions, run } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";

/** Keeps logins in a file, in the protocol of docker-credential-helpers; "not found" as the real ones say it. */
const helper = `#!/usr/bin/env node
const fs = require("fs");
const file = process.env.HELPER_STORE;
const all = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : {};
const input = fs.readFileSync(0, "utf8").trim();
const save = () => fs.writeFileSync(file, JSON.stringify(all));
if (process.argv[2] === "store") { const login = JSON.parse(input); all[login.ServerURL] = login; save(); }
else if (process.argv[2] === "erase") { delete all[input]; save(); }
else if (all[input]) console.log(JSON.stringify(all[input]));
else { console.log("credentials not found in native keychain"); process.exit(1); }
`;

interface Setting {
  readonly registry: DockerRegistry;
  readonly dir: string;
  readonly configFile: string;
  readonly storeFile: string;
  readonly oras: (args: readonly string[], options?: RunOptions) => Promise<Ran>;
  readonly readConfig: () => { auths: Record<string, { auth?: string }>; [key: string]: unknown };
}

/** A registry that wants a login and has \`t/tool:1\`, and a home with a docker configuration. */
async function setting(context: TestContext, config?: object): Promise<Setting> {
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"), { htpasswd: userSecret });
  context.onTestFinished(registry.stop);
  const dir = temporaryFolder();
  const bin = join(dir, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "docker-credential-test"), helper);
  chmodSync(join(bin, "docker-credential-test"), 0o755);
  const configFile = join(dir, "docker", "config.json");
  const storeFile = join(dir, "keychain.json");
  if (config !== undefined) {
    mkdirSync(join(dir, "docker"));
    const text = JSON.stringify(config).replaceAll("REGISTRY", registry.host);
    writeFileSync(configFile, text);
  }
  const env = {
    DOCKER_CONFIG: join(dir, "docker"),
    HELPER_STORE: storeFile,
    BUCK2_ORAS_CACHE_DIR: join(dir, "cache"),
    PATH: `${bin}:${process.env.PATH ?? ""}`,
  };
  const call = (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
    oras(args, { cwd: dir, ...options, env: { ...env, ...options.env } });
  writeFileSync(join(dir, "tool"), "#!/bin/sh\n");
  const login = { ORAS_USER: "user", ORAS_PASS: "secret", BUCK2_ORAS_REGISTRY: registry.host };
  const pushed = await call(["push", "t/tool:1", "tool"], { env: login });
  expect(pushed.exitCode, pushed.stderr).toBe(0);
  const readConfig: Setting["readConfig"] = () => JSON.parse(readFileSync(configFile, "utf8"));
  return { registry, dir, configFile, storeFile, oras: call, readConfig };
}

describe("the docker configuration", () => {
  test("login stores what the registry takes, logout removes it, and nothing else of the file changes", async (context) => {
    const other = { auth: Buffer.from("a:b").toString("base64") };
    const {
      registry,
      configFile,
      oras: call,
      readConfig,
    } = await setting(context, {
      auths: { "other.example": other, "https://REGISTRY/v2/": other },
      currentContext: "work",
    });
    const args = ["login", registry.host, "--username", "user", "--password-stdin"];
    const done = await call(args, { input: "secret\n" });
    expect(done).toMatchObject({ exitCode: 0, stdout: `Logged in to ${registry.host} as user\n` });
    expect(done.stderr).toContain(configFile);
    const auth = Buffer.from("user:secret").toString("base64");
    expect(readConfig()).toEqual({
      auths: { "other.example": other, [registry.host]: { auth } },
      currentContext: "work",
    });
    expect(statSync(configFile).mode & 0o777).toBe(0o600);
    const listed = await call(["list", `${registry.host}/t/tool`]);
    expect(listed).toMatchObject({ exitCode: 0, stdout: "1\n" });

    expect(await call(["logout", registry.host])).toMatchObject({
      exitCode: 0,
      stdout: `Logged out of ${registry.host}\n`,
    });
    expect(readConfig()).toEqual({ auths: { "other.example": other }, currentContext: "work" });
    expect((await call(["list", `${registry.host}/t/tool`])).exitCode).toBe(77);
    expect((await call(["logout", registry.host])).stdout).toBe(`There was no login of ${registry.host}\n`);
  });

  test("a configured name stands for its registry, as in references", async (context) => {
    const { registry, dir, oras: call, readConfig } = await setting(context);
    const prefix = `${registry.host}/t`;
    writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ registries: { acme: { prefix } } }));
    const done = await call(["login", "acme", "-u", "user", "--password-stdin"], { input: "secret" });
    expect(done).toMatchObject({ exitCode: 0, stdout: `Logged in to ${registry.host} as user\n` });
    expect(Object.keys(readConfig().auths)).toEqual([registry.host]);
    expect((await call(["list", "acme/tool"])).stdout).toBe("1\n");
    expect((await call(["logout", "acme"])).stdout).toBe(`Logged out of ${registry.host}\n`);
    expect(readConfig().auths).toEqual({});
  });

  test("without a file one is made; a refused login stores nothing and shows nothing", async (context) => {
    const { registry, configFile, oras: call } = await setting(context);
    const args = ["login", registry.host, "-u", "user", "--password-stdin"];
    const refused = await call([...args, "--verbose"], { input: "hunter2" });
    expect(refused.exitCode).toBe(77);
    expect(refused.stderr).toContain(`authentication failed: ${registry.host} does not take this login`);
    expect(refused.stderr).not.toMatch(/authentication required for|private repository/);
    expect(refused.stderr + refused.stdout).not.toMatch(/hunter2|aHVudGVyMg|dXNlcjpodW50ZXIy/);
    expect(() => statSync(configFile)).toThrow();
    expect((await call(args, { input: "secret" })).exitCode).toBe(0);
    expect(statSync(configFile).mode & 0o777).toBe(0o600);
  });

  test("without a terminal and without --password-stdin it says what to give", async () => {
    const ran = await oras(["login", "localhost:1", "-u", "user"]);
    expect(ran.exitCode).toBe(64);
    expect(ran.stderr).toMatch(/no terminal to ask for the password[\s\S]*hint: .*--password-stdin/);
    expect((await oras(["login"])).stderr).toContain("REGISTRY_NOT_NAMED");
    const empty = await oras(["login", "localhost:1", "-u", "user", "--password-stdin"], { input: "\n" });
    expect(empty.exitCode).toBe(64);
  });

  test("at a terminal, an end of input is a clear error", async (context) => {
    const script = requireProgram(context, "script");
    const command = `${process.execPath} ${inject("executable")} login localhost:1`;
    // Ctrl-D
    const ran = await run(script, ["-qec", command, "/dev/null"], { env: { TERM: "xterm" }, input: "\u0004" });
    expect(ran.exitCode, ran.stdout).toBe(64);
    expect(ran.stdout).toContain("no username was given");
  });

  test("at a terminal, Ctrl-C stops it as it does elsewhere", async (context) => {
    const script = requireProgram(context, "script");
    const command = `${process.execPath} ${inject("executable")} login localhost:1`;
    const onStart = ({ stdout, stdin }: ChildProcess): void => {
      stdout?.on("data", (text: string) => {
        if (text.includes("Username: ")) stdin?.write("\u0003");
      });
    };
    const ran = await run(script, ["-qec", command, "/dev/null"], {
      env: { TERM: "xterm" },
      input: undefined,
      onStart,
    });
    expect(ran.exitCode, ran.stdout).toBe(130);
    expect(ran.stdout).toContain("error[INTERRUPTED]");
  });

  test("many logins at once lose none", async () => {
    const dir = temporaryFolder();
    const servers = await Promise.all(
      Array.from({ length: 6 }, () =>
        startServer((request, response) => {
          if (request.headers.authorization !== undefined) response.end("{}");
          else response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
        }),
      ),
    );
    const env = { DOCKER_CONFIG: join(dir, "docker") };
    const logins = await Promise.all(
      servers.map(({ host }) => oras(["login", host, "-u", "u", "--password-stdin"], { input: "p", env })),
    );
    expect(logins.map(({ exitCode }) => exitCode)).toEqual(servers.map(() => 0));
    const { auths } = JSON.parse(readFileSync(join(dir, "docker", "config.json"), "utf8"));
    expect(Object.keys(auths).sort()).toEqual(servers.map(({ host }) => host).sort());
  });

  test("logout tells what still gives a login, and takes away no more than is its own", async () => {
    const server = await startServer((_request, response) => response.end("{}"));
    const dir = temporaryFolder();
    const podman = join(dir, "auth.json");
    const auths = { [server.host]: { auth: Buffer.from("u:p").toString("base64") } };
    writeFileSync(podman, JSON.stringify({ auths }));
    const env = { DOCKER_CONFIG: join(dir, "docker"), REGISTRY_AUTH_FILE: podman };
    const left = `There is still a login of ${server.host}, from ${podman}: take it away there\n`;
    expect(await oras(["logout", server.host], { env })).toMatchObject({ exitCode: 0, stdout: left });
    mkdirSync(join(dir, "docker"), { recursive: true });
    writeFileSync(join(dir, "docker", "config.json"), JSON.stringify({ auths }));
    const both = await oras(["logout", server.host], { env });
    expect(both.stdout).toBe(`Logged out of ${server.host}\n`);
    expect(both.stderr).toContain(left);
    expect(JSON.parse(readFileSync(podman, "utf8"))).toEqual({ auths });
  });

  test("at a terminal the password is asked for and not shown", async (context) => {
    const { registry, readConfig, dir } = await setting(context);
    const script = requireProgram(context, "script");
    const command = `${process.execPath} ${inject("executable")} login ${registry.host}`;
    const env = { DOCKER_CONFIG: join(dir, "docker"), TERM: "xterm" };
    // Typed as a person types: an answer after its question.
    const onStart = ({ stdout, stdin }: ChildProcess): void => {
      const answers = ["user\n", "secret\n"];
      stdout?.on("data", (text: string) => {
        if (/(?:Username|Password): /.test(text)) stdin?.write(answers.shift() ?? "");
      });
    };
    const ran = await run(script, ["-qec", command, "/dev/null"], { cwd: dir, env, input: undefined, onStart });
    expect(ran.exitCode, ran.stdout).toBe(0);
    expect(ran.stdout).toMatch(/Username: [\s\S]*Password: [\s\S]*Logged in to/);
    expect(ran.stdout).not.toContain("secret");
    expect(Object.keys(readConfig().auths)).toEqual([registry.host]);
  });
});

describe("a credential helper", () => {
  test.for([
    ["for all registries", { credsStore: "test" }],
    ["for this one", { credHelpers: { REGISTRY: "test" }, credsStore: "missing" }],
  ] as const)("%s keeps the login and gives it, and the file holds no secret", async ([, config], context) => {
    const { registry, oras: call, configFile, storeFile } = await setting(context, config);
    const args = ["login", registry.host, "-u", "user", "--password-stdin"];
    const done = await call(args, { input: "secret" });
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.stderr).toContain("docker-credential-test");
    expect(readFileSync(configFile, "utf8")).not.toContain(Buffer.from("user:secret").toString("base64"));
    expect(JSON.parse(readFileSync(storeFile, "utf8"))).toMatchObject({ [registry.host]: { Secret: "secret" } });
    const pulled = await call(["pull", `${registry.host}/t/tool:1`, "--verbose"]);
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    expect(pulled.stderr).toContain("docker-credential-test");
    expect(pulled.stderr + pulled.stdout).not.toMatch(/secret|Basic /);
    const out = await call(["logout", registry.host]);
    expect(out).toMatchObject({ exitCode: 0, stdout: `Logged out of ${registry.host}\n` });
    expect(out.stderr).toBe("Removed from docker-credential-test\n");
    expect((await call(["list", `${registry.host}/t/tool`])).exitCode).toBe(77);
    // The helper would say that it erased something, whatever it has.
    expect((await call(["logout", registry.host])).stdout).toBe(`There was no login of ${registry.host}\n`);
  });

  test("that has nothing is no error; one that is missing, fails or babbles is, and nobody else is asked", async (context) => {
    const { registry, oras: call, dir, configFile, storeFile } = await setting(context, { credsStore: "test" });
    const list = ["list", `${registry.host}/t/tool`];
    expect((await call(list)).stderr).toMatch(/REGISTRY_UNAUTHORIZED[\s\S]*no credentials were found/);

    // A login of another registry, or one whose name is alike, is never taken instead.
    const login = { Username: "user", Secret: "secret" };
    writeFileSync(
      storeFile,
      JSON.stringify({ localhost: login, [`${registry.host}0`]: login, "other.example": login }),
    );
    expect((await call(list)).exitCode).toBe(77);

    const auths = { [registry.host]: { auth: Buffer.from("user:secret").toString("base64") } };
    writeFileSync(configFile, JSON.stringify({ auths, credHelpers: { [registry.host]: "missing" } }));
    const missing = await call(list);
    expect(missing.exitCode).toBe(78);
    expect(missing.stderr).toMatch(
      /CREDENTIAL_HELPER_FAILED\]: authentication: docker-credential-missing cannot be used/,
    );
    writeFileSync(configFile, JSON.stringify({ auths, credHelpers: { [registry.host]: "../bin/x" } }));
    expect((await call(list)).stderr).toContain("is not the name of a helper");
    for (const [name, text] of [
      ["broken", "echo 'secret: locked'; exit 2"],
      ["babbling", 'echo \'{"Username": "secret"}\''],
      ["endless", "yes secret"],
    ] as const) {
      const path = join(dir, "bin", `docker-credential-${name}`);
      writeFileSync(path, `#!/bin/sh\n${text}\n`);
      chmodSync(path, 0o755);
      writeFileSync(configFile, JSON.stringify({ auths, credHelpers: { [registry.host]: name } }));
      const ran = await call(list);
      expect(ran.exitCode, name).toBe(78);
      expect(ran.stderr).not.toContain("secret");
    }
  });

  test("an identity token of a helper is exchanged at the token service", async (context) => {
    const service = await startServer((_request, response) => response.end('{"access_token": "tok"}'));
    const server = await startServer((request, response) => {
      if (request.headers.authorization === "Bearer tok") response.end('{"tags": ["1"]}');
      else response.writeHead(401, { "www-authenticate": `Bearer realm="http://${service.host}/"` }).end();
    });
    const { oras: call, storeFile } = await setting(context, { credsStore: "test" });
    writeFileSync(storeFile, JSON.stringify({ [server.host]: { Username: "<token>", Secret: "refresh" } }));
    expect(await call(["list", `${server.host}/t/tool`])).toMatchObject({ exitCode: 0, stdout: "1\n" });
    expect(service.seen).toMatchObject([{ method: "POST", body: expect.stringContaining("refresh_token=refresh") }]);
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, "Bearer tok"]);
  });

  test("Podman's file is read after Docker's", async (context) => {
    const { registry, oras: call, dir, configFile } = await setting(context, { auths: {} });
    const authsOf = (login: string): object => ({ [registry.host]: { auth: Buffer.from(login).toString("base64") } });
    writeFileSync(join(dir, "auth.json"), JSON.stringify({ auths: authsOf("user:secret") }));
    const env = { REGISTRY_AUTH_FILE: join(dir, "auth.json") };
    expect((await call(["list", `${registry.host}/t/tool`], { env })).exitCode).toBe(0);
    writeFileSync(configFile, JSON.stringify({ auths: authsOf("user:wrong") }));
    expect((await call(["list", `${registry.host}/t/tool`], { env })).exitCode).toBe(77);
    // One that has the login already needs no other; where it has not, a broken one is said.
    writeFileSync(configFile, JSON.stringify({ auths: authsOf("user:secret") }));
    writeFileSync(join(dir, "auth.json"), "{");
    expect((await call(["list", `${registry.host}/t/tool`], { env })).exitCode).toBe(0);
    writeFileSync(configFile, "{}");
    expect((await call(["list", `${registry.host}/t/tool`], { env })).exitCode).toBe(78);
  });
});
