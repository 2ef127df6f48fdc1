import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loginSetting } from "../support/login.ts";
import { startServer } from "../support/registry/server.ts";

describe("a credential helper", () => {
  test.for([
    ["for all registries", { credsStore: "test" }],
    ["for this one", { credHelpers: { REGISTRY: "test" }, credsStore: "missing" }],
  ] as const)("%s keeps the login and gives it, and the file holds no secret", async ([, config], context) => {
    const { registry, oras: call, configFile, storeFile } = await loginSetting(context, config);
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
    expect((await call(["logout", registry.host])).stdout).toBe(`No login of ${registry.host} was stored\n`);
  });

  test("that takes its time: what another client writes into the file meanwhile stays there", async (context) => {
    const { registry, oras: call, dir, configFile, readConfig } = await loginSetting(context, { credsStore: "slow" });
    const theirs = { auth: Buffer.from("a:b").toString("base64") };
    // It ends when somebody else has changed the file, as another client does that replaces it.
    const other = `node -e 'const fs = require("fs"); const c = JSON.parse(fs.readFileSync(process.env.FILE));
      c.auths = { ...c.auths, [process.env.ENTRY]: ${JSON.stringify(theirs)} };
      fs.writeFileSync(process.env.FILE + ".new", JSON.stringify(c)); fs.renameSync(process.env.FILE + ".new", process.env.FILE)'`;
    const slow = join(dir, "bin", "docker-credential-slow");
    writeFileSync(slow, `#!/bin/sh\ndocker-credential-test "$@" || exit\n[ "$1" = get ] || ${other}\n`);
    chmodSync(slow, 0o755);
    const during = (ENTRY: string) => ({ input: "secret", env: { FILE: configFile, ENTRY } });
    const login = await call(["login", registry.host, "-u", "user", "--password-stdin"], during("one.example"));
    expect(login.exitCode, login.stderr).toBe(0);
    expect(readConfig()).toEqual({ credsStore: "slow", auths: { "one.example": theirs, [registry.host]: {} } });
    expect((await call(["logout", registry.host], during("two.example"))).exitCode).toBe(0);
    expect(readConfig().auths).toEqual({ "one.example": theirs, "two.example": theirs });
  });

  test("that has nothing is no error; one that is missing, fails or babbles is, and nobody else is asked", async (context) => {
    const { registry, oras: call, dir, configFile, storeFile } = await loginSetting(context, { credsStore: "test" });
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

  test("that fails is quoted, on one line and without the password; what it prints on stdout is not", async (context) => {
    const { registry, oras: call, dir } = await loginSetting(context, { credsStore: "angry" });
    const path = join(dir, "bin", "docker-credential-angry");
    const says = "printf 'first\\nkeychain \\033[31mlocked\\033[0m: %s\\n' \"$input\" >&2; echo 'stdout: hidden'";
    writeFileSync(path, `#!/bin/sh\ninput=$(cat)\n${says}\nexit 3\n`);
    chmodSync(path, 0o755);
    const login = ["login", registry.host, "-u", "user", "--password-stdin"];
    for (const [args, input] of [
      [["list", `${registry.host}/t/tool`], ""],
      [login, "secret"],
    ] as const) {
      const ran = await call(args, { input });
      expect(ran.exitCode).toBe(78);
      expect(ran.stderr).toMatch(
        /^error\[CREDENTIAL_HELPER_FAILED\]: authentication: docker-credential-angry .*\(exit code 3\)$/m,
      );
      expect(ran.stderr).toMatch(/^ {2}cause: it said: keychain .*locked/m);
      expect(ran.stderr).toMatch(/^ {2}hint: try `docker-credential-angry list` by hand/m);
      for (const hidden of ["secret", "hidden", "\u001b"]) expect(ran.stderr).not.toContain(hidden);
    }
  });

  test("an identity token of a helper is exchanged at the token service", async (context) => {
    const service = await startServer((_request, response) => response.end('{"access_token": "tok"}'));
    const server = await startServer((request, response) => {
      if (request.headers.authorization === "Bearer tok") response.end('{"tags": ["1"]}');
      else response.writeHead(401, { "www-authenticate": `Bearer realm="http://${service.host}/"` }).end();
    });
    const { oras: call, storeFile } = await loginSetting(context, { credsStore: "test" });
    writeFileSync(storeFile, JSON.stringify({ [server.host]: { Username: "<token>", Secret: "refresh" } }));
    expect(await call(["list", `${server.host}/t/tool`])).toMatchObject({ exitCode: 0, stdout: "1\n" });
    expect(service.seen).toMatchObject([{ method: "POST", body: expect.stringContaining("refresh_token=refresh") }]);
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, "Bearer tok"]);
  });

  test("Podman's file is read after Docker's", async (context) => {
    const { registry, oras: call, dir, configFile } = await loginSetting(context, { auths: {} });
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
