/** `login` and `logout` at a real registry, with the docker configuration and with a credential helper. */
import type { ChildProcess } from "node:child_process";
import { lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { oras, orasWords } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { loginSetting } from "../support/login.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";
import { run } from "../support/run.ts";

describe("the docker configuration", () => {
  test("login stores what the registry takes, logout removes it, and nothing else of the file changes", async (context) => {
    const other = { auth: Buffer.from("a:b").toString("base64") };
    const {
      registry,
      configFile,
      oras: call,
      readConfig,
    } = await loginSetting(context, {
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
    expect((await call(["logout", registry.host])).stdout).toBe(`No login of ${registry.host} was stored\n`);
  });

  test("a name of the user's own file stands for its registry, as in references", async (context) => {
    const { registry, dir, oras: run, readConfig } = await loginSetting(context);
    const prefix = `${registry.host}/t`;
    mkdirSync(join(dir, "home", "buck2-oras"), { recursive: true });
    writeFileSync(join(dir, "home/buck2-oras/config.json"), JSON.stringify({ registries: { acme: { prefix } } }));
    const call = (args: string[], { input = "" } = {}) =>
      run(args, { input, env: { XDG_CONFIG_HOME: join(dir, "home") } });
    const done = await call(["login", "acme", "-u", "user", "--password-stdin"], { input: "secret" });
    expect(done).toMatchObject({ exitCode: 0, stdout: `Logged in to ${registry.host} as user\n` });
    expect(Object.keys(readConfig().auths)).toEqual([registry.host]);
    expect((await call(["list", "acme/tool"])).stdout).toBe("1\n");
    expect((await call(["logout", "acme"])).stdout).toBe(`Logged out of ${registry.host}\n`);
    expect(readConfig().auths).toEqual({});
  });

  test("without a file one is made; a refused login stores nothing and shows nothing", async (context) => {
    const { registry, configFile, oras: call } = await loginSetting(context);
    const args = ["login", registry.host, "-u", "user", "--password-stdin"];
    const refused = await call([...args, "--verbose"], { input: "hunter2" });
    expect(refused.exitCode).toBe(77);
    expect(refused.stderr).toContain(`authentication failed: ${registry.host} does not accept this login`);
    expect(refused.stderr).not.toMatch(/authentication required for|private repository/);
    expect(refused.stderr + refused.stdout).not.toMatch(/hunter2|aHVudGVyMg|dXNlcjpodW50ZXIy/);
    expect(() => statSync(configFile)).toThrow();
    expect((await call(args, { input: "secret" })).exitCode).toBe(0);
    expect(statSync(configFile).mode & 0o777).toBe(0o600);
  });

  test("without a terminal and without --password-stdin it says what to give", async () => {
    const ran = await oras(["login", "localhost:1", "-u", "user"]);
    expect(ran.exitCode).toBe(64);
    expect(ran.stderr).toMatch(/the prompt for the password needs a terminal[\s\S]*hint: .*--password-stdin/);
    expect((await oras(["login"])).stderr).toContain("REGISTRY_NOT_NAMED");
    const empty = await oras(["login", "localhost:1", "-u", "user", "--password-stdin"], { input: "\n" });
    expect(empty.exitCode).toBe(64);
  });

  test("at a terminal, an end of input is a clear error", async (context) => {
    const script = requireProgram(context, "script");
    const command = `${orasWords()} login localhost:1`;
    // Ctrl-D
    const ran = await run(script, ["-qec", command, "/dev/null"], { env: { TERM: "xterm" }, input: "\u0004" });
    expect(ran.exitCode, ran.stdout).toBe(64);
    expect(stripVTControlCharacters(ran.stdout)).toMatch(/Username for localhost:1: \r?\nerror.*no username was given/);
  });

  test("at a terminal, Ctrl-C stops it as it does elsewhere", async (context) => {
    const script = requireProgram(context, "script");
    const command = `${orasWords()} login localhost:1`;
    const onStart = ({ stdout, stdin }: ChildProcess): void => {
      stdout?.on("data", (text: string) => {
        if (text.includes("Username for localhost:1: ")) stdin?.write("\u0003");
      });
    };
    const ran = await run(script, ["-qec", command, "/dev/null"], {
      env: { TERM: "xterm" },
      input: undefined,
      onStart,
    });
    expect(ran.exitCode, ran.stdout).toBe(130);
    expect(stripVTControlCharacters(ran.stdout)).toMatch(/Username for localhost:1: \r?\nerror\[INTERRUPTED\]/);
  });

  test("at a terminal, an empty user name is refused before a password is asked for", async (context) => {
    const script = requireProgram(context, "script");
    const command = `${orasWords()} login localhost:1`;
    const onStart = ({ stdout, stdin }: ChildProcess): void => {
      stdout?.on("data", (text: string) => {
        if (/(?:Username|Password) for .*: /.test(text)) stdin?.write("\n");
      });
    };
    const ran = await run(script, ["-qec", command, "/dev/null"], {
      env: { TERM: "xterm" },
      input: undefined,
      onStart,
    });
    expect(ran.exitCode, ran.stdout).toBe(64);
    expect(ran.stdout).toContain("needs a user name and a password");
    expect(ran.stdout).not.toContain("Password for");
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

  test("a file that is a link stays one, and is its owner's alone; what stands in the claim's place is named", async () => {
    const server = await startServer((request, response) => {
      if (request.headers.authorization !== undefined) response.end("{}");
      else response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
    });
    const dir = temporaryFolder();
    mkdirSync(join(dir, "docker"));
    writeFileSync(join(dir, "shared.json"), "{}", { mode: 0o644 });
    symlinkSync("../shared.json", join(dir, "docker", "config.json"));
    const call = () =>
      oras(["login", server.host, "-u", "u", "--password-stdin"], {
        input: "p",
        env: { DOCKER_CONFIG: join(dir, "docker") },
      });
    expect((await call()).exitCode).toBe(0);
    expect(lstatSync(join(dir, "docker", "config.json")).isSymbolicLink()).toBe(true);
    expect(statSync(join(dir, "shared.json")).mode & 0o777).toBe(0o600);
    const before = readFileSync(join(dir, "shared.json"), "utf8");
    mkdirSync(join(dir, ".shared.json.lock"));
    const busy = await call();
    expect(busy.exitCode, busy.stderr).toBe(75);
    expect(busy.stderr).toMatch(/error\[LOCK_BUSY\]: .*config\.json cannot be changed/);
    expect(readFileSync(join(dir, "shared.json"), "utf8")).toBe(before);
  });

  test("logout tells what still gives a login, and takes away no more than is its own", async () => {
    const server = await startServer((_request, response) => response.end("{}"));
    const dir = temporaryFolder();
    const podman = join(dir, "auth.json");
    const auths = { [server.host]: { auth: Buffer.from("u:p").toString("base64") } };
    writeFileSync(podman, JSON.stringify({ auths }));
    const env = { DOCKER_CONFIG: join(dir, "docker"), REGISTRY_AUTH_FILE: podman };
    const left = `A login of ${server.host} remains in ${podman}: remove the login there\n`;
    expect(await oras(["logout", server.host], { env })).toMatchObject({ exitCode: 0, stdout: left });
    mkdirSync(join(dir, "docker"), { recursive: true });
    writeFileSync(join(dir, "docker", "config.json"), JSON.stringify({ auths }));
    const both = await oras(["logout", server.host], { env });
    expect(both.stdout).toBe(`Logged out of ${server.host}\n`);
    expect(both.stderr).toContain(left);
    expect(JSON.parse(readFileSync(podman, "utf8"))).toEqual({ auths });
  });

  test("at a terminal the password is asked for and not shown", async (context) => {
    const { registry, readConfig, dir } = await loginSetting(context);
    const script = requireProgram(context, "script");
    const command = `${orasWords()} login ${registry.host}`;
    const env = { DOCKER_CONFIG: join(dir, "docker"), TERM: "xterm" };
    // Typed as a person types: an answer after its question.
    const onStart = ({ stdout, stdin }: ChildProcess): void => {
      const answers = ["user\n", "secret\n"];
      stdout?.on("data", (text: string) => {
        if (/(?:Username|Password) for .*: /.test(text)) stdin?.write(answers.shift() ?? "");
      });
    };
    const ran = await run(script, ["-qec", command, "/dev/null"], { cwd: dir, env, input: undefined, onStart });
    expect(ran.exitCode, ran.stdout).toBe(0);
    // Whom it is for is read before it is typed.
    expect(ran.stdout).toMatch(
      new RegExp(
        `Username for ${registry.host}: [\\s\\S]*Password for user at ${registry.host}: [\\s\\S]*Logged in to`,
      ),
    );
    expect(stripVTControlCharacters(ran.stdout)).toMatch(
      new RegExp(`Password for user at ${registry.host}: \\r?\\n(?:Logged|Stored)`),
    );
    expect(ran.stdout).not.toContain("secret");
    expect(Object.keys(readConfig().auths)).toEqual([registry.host]);
  });
});
