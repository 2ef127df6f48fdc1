/** Programs that we start for the user: what they are told, and that they end when we do. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { linesOf, scriptOnPath, stillRunning } from "../support/children.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";
import { type Ran, type RunOptions, run } from "../support/run.ts";

const secrets = {
  ORAS_TOKEN: "secret-token",
  ORAS_USER: "secret-user",
  ORAS_PASS: "secret-pass",
  BUCK2_ORAS_REGISTRY: "registry.example",
};

/** Two processes that do not end when they are asked to; their ids go into `pids`. */
const stubborn = (pids: string): string =>
  `trap '' TERM INT\n(trap '' TERM INT; exec sleep 300) &\necho $! >> ${pids}\necho $$ >> ${pids}\nwait`;

interface Desk {
  readonly dir: string;
  readonly pids: string;
  readonly seen: string;
  readonly env: Readonly<Record<string, string>>;
  readonly call: (args: readonly string[], options?: RunOptions) => Promise<Ran>;
}

/** A checkout, a home and a folder for temporary files, beside each other; without a terminal. */
function desk(): Desk {
  const dir = temporaryFolder();
  for (const name of ["checkout", "home", "tmp"]) mkdirSync(join(dir, name));
  const env = { HOME: join(dir, "home"), TMPDIR: join(dir, "tmp"), BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  const call: Desk["call"] = (args, options = {}) =>
    oras(args, { cwd: join(dir, "checkout"), isDetached: true, ...options, env: { ...env, ...options.env } });
  return { dir, pids: join(dir, "pids"), seen: join(dir, "seen"), env, call };
}

const clients = [
  ["npm", "npm:tool@1.0.0"],
  ["python3", "pypi:tool@1.0"],
  ["mvn", "maven:g:tool:1.0"],
  ["go", "go:example.com/tool@v1.0.0"],
] as const;

describe("an importer's client", () => {
  test.each(clients)("%s gets what it needs and no secret, and does not run in the checkout", async (name, source) => {
    const { dir, seen, call } = desk();
    const PATH = scriptOnPath(dir, name, `env > ${seen}\npwd >> ${seen}\nexit 1`);
    const wanted = { HTTPS_PROXY: "http://proxy.example", no_proxy: "x", SSL_CERT_FILE: "/ca.pem", LC_ALL: "C" };
    const unwanted = {
      NODE_OPTIONS: "--throw-deprecation",
      npm_config_script_shell: "/bin/evil",
      npm_config_ignore_scripts: "false",
      PYTHONPATH: "/evil",
      PIP_QUIET: "3",
      GOFLAGS: "-toolexec=/bin/evil",
      GOBIN: "/evil",
      GIT_DIR: "/evil",
      MAVEN_BASEDIR: "/evil",
      AWS_SECRET_ACCESS_KEY: "secret",
    };
    const ran = await call(["import", source, "oci:layout:1"], { env: { ...secrets, ...wanted, ...unwanted, PATH } });
    expect(ran.exitCode, ran.stderr).toBe(69);
    const told = readFileSync(seen, "utf8");
    expect(told).not.toMatch(/secret|ORAS_|evil|throw-deprecation|PIP_QUIET=3|ignore_scripts=false/);
    for (const [variable, value] of Object.entries(wanted)) expect(told).toContain(`${variable}=${value}\n`);
    expect(told).toContain(`PATH=${PATH}\n`);
    expect(told.trim().split("\n").at(-1)).toMatch(new RegExp(`^${join(dir, "tmp")}/buck2-oras-import-[\\w-]+/run$`));
  });

  test("npm and mvn get the variables that the user's own configuration names, but for ours", async () => {
    const { dir, seen, call } = desk();
    writeFileSync(join(dir, "home", ".npmrc"), `//r/:_authToken=\${MY_TOKEN}\n//s/:_authToken=\${ORAS_PASS}\n`);
    mkdirSync(join(dir, "home", ".m2"));
    const settings = `<settings><password>\${env.MY_TOKEN}</password><x>\${env.ORAS_PASS}</x></settings>`;
    writeFileSync(join(dir, "home", ".m2", "settings.xml"), settings);
    for (const [name, source] of [clients[0], clients[2]]) {
      const PATH = scriptOnPath(dir, name, `env > ${seen}\nexit 1`);
      await call(["import", source, "oci:layout:1"], { env: { ...secrets, MY_TOKEN: "mine", PATH } });
      const told = readFileSync(seen, "utf8");
      expect(told).toContain("MY_TOKEN=mine\n");
      expect(told).not.toMatch(/ORAS_/);
    }
  });

  test("at the deadline it ends with all that it started, and nothing is left of its files", async () => {
    const { dir, pids, call } = desk();
    const PATH = scriptOnPath(dir, "npm", stubborn(pids));
    const ran = await call(["import", "npm:tool@1.0.0", "oci:layout:1", "--timeout", "2"], { env: { PATH } });
    expect(ran.exitCode, ran.stderr).toBe(75);
    expect(await stillRunning((await linesOf(pids, 2)).map(Number))).toEqual([]);
    expect(readdirSync(join(dir, "tmp"))).toEqual([]);
  });

  test.each([
    ["one signal", 1],
    ["two signals, of which the second waits for nothing", 2],
  ])("%s ends it with all that it started", async (_title, count) => {
    const { dir, pids, call } = desk();
    const PATH = scriptOnPath(dir, "npm", stubborn(pids));
    const ran = await call(["import", "npm:tool@1.0.0", "oci:layout:1"], {
      env: { PATH },
      onStart: async (child) => {
        await linesOf(pids, 2);
        for (let sent = 0; sent < count; sent += 1) child.kill("SIGTERM");
      },
    });
    expect(ran.exitCode, ran.stderr).toBe(143);
    expect(await stillRunning((await linesOf(pids, 2)).map(Number))).toEqual([]);
  });

  test("what it left behind ends with it, and does not hold the command", async () => {
    const { dir, pids, call } = desk();
    const PATH = scriptOnPath(dir, "npm", `sleep 300 &\necho $! > ${pids}\nexit 1`);
    const ran = await call(["import", "npm:tool@1.0.0", "oci:layout:1"], { env: { PATH } });
    expect(ran.exitCode, ran.stderr).toBe(69);
    expect(await stillRunning((await linesOf(pids, 1)).map(Number))).toEqual([]);
  });

  test("one that writes without end is ended", async () => {
    const { dir, call } = desk();
    const PATH = scriptOnPath(dir, "npm", "exec yes");
    const ran = await call(["import", "npm:tool@1.0.0", "oci:layout:1"], { env: { PATH } });
    expect(ran.exitCode, ran.stderr).toBe(69);
    expect(ran.stderr).toContain("npm was stopped: its output is over 16 MiB");
  });
});

describe("a credential helper", () => {
  const login = { username: "user", secret: "hunter2" };
  const answer = `echo '{"Username":"${login.username}","Secret":"${login.secret}"}'`;

  /** `list` of a registry that wants a login, which the helper keeps. */
  async function helped(
    script: (desk: Desk) => string,
  ): Promise<Desk & { readonly listArgs: readonly string[]; PATH: string }> {
    const basic = `Basic ${Buffer.from(`${login.username}:${login.secret}`).toString("base64")}`;
    const server = await startServer((request, response) => {
      if (request.headers.authorization !== basic) {
        return void response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
      }
      response.end(JSON.stringify({ name: "t/tool", tags: ["1"] }));
    });
    const made = desk();
    mkdirSync(join(made.dir, "home", ".docker"));
    writeFileSync(join(made.dir, "home", ".docker", "config.json"), '{"credsStore":"test"}');
    const PATH = scriptOnPath(made.dir, "docker-credential-test", script(made));
    return { ...made, PATH, listArgs: ["list", `${server.host}/t/tool`] };
  }

  test("gets the user's environment without what is ours, and does not run in the checkout", async () => {
    const { seen, dir, PATH, call, listArgs } = await helped(({ seen }) => `env > ${seen}; pwd >> ${seen}; ${answer}`);
    const ran = await call(listArgs, { env: { ...secrets, AWS_PROFILE: "mine", PATH } });
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0, stdout: "1\n" });
    const told = readFileSync(seen, "utf8");
    expect(told).toContain("AWS_PROFILE=mine\n");
    expect(told).not.toMatch(/ORAS_/);
    expect(told.trim().split("\n").at(-1)).toBe(join(dir, "home"));
  });

  test("at the deadline it ends with all that it started", async () => {
    const { pids, PATH, call, listArgs } = await helped(({ pids }) => stubborn(pids));
    const ran = await call([...listArgs, "--timeout", "2"], { env: { PATH } });
    expect(ran.exitCode, ran.stderr).toBe(75);
    expect(await stillRunning((await linesOf(pids, 2)).map(Number))).toEqual([]);
  });

  test("Ctrl-C ends it with all that it started", async () => {
    const { pids, PATH, call, listArgs } = await helped(({ pids }) => stubborn(pids));
    const ran = await call(listArgs, {
      env: { PATH },
      onStart: async (child) => {
        await linesOf(pids, 2);
        child.kill("SIGINT");
      },
    });
    expect(ran.exitCode, ran.stderr).toBe(130);
    expect(await stillRunning((await linesOf(pids, 2)).map(Number))).toEqual([]);
  });

  test("`logout` and `login` end with it, too", async () => {
    const { pids, PATH, call, listArgs } = await helped(({ pids }) => stubborn(pids));
    const host = listArgs[1]?.split("/")[0] ?? "";
    const out = await call(["logout", host, "--timeout", "2"], { env: { PATH } });
    expect(out.exitCode, out.stderr).toBe(75);
    const login = ["login", host, "-u", "user", "--password-stdin", "--timeout", "2"];
    const ran = await call(login, { env: { PATH }, input: "hunter2" });
    expect(ran.exitCode, ran.stderr).toBe(75);
    expect(await stillRunning((await linesOf(pids, 4)).map(Number))).toEqual([]);
  });

  test("what it leaves behind with its answer stays, and is not waited for", async () => {
    const { pids, PATH, call, listArgs } = await helped(({ pids }) => `sleep 300 &\necho $! > ${pids}\n${answer}`);
    const ran = await call(listArgs, { env: { PATH } });
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0, stdout: "1\n" });
    const left = (await linesOf(pids, 1)).map(Number);
    expect(await stillRunning(left)).toEqual(left);
  });

  test("may ask at the terminal, where there is one", async (context) => {
    const python = requireProgram(context, "python3");
    const { seen, PATH, env, listArgs } = await helped(
      ({ seen }) => `read word < /dev/tty\necho "$word" > ${seen}\n${answer}`,
    );
    const inTerminal = "import pty, sys; pty.spawn(sys.argv[1:])";
    const args = ["-c", inTerminal, process.execPath, inject("executable"), ...listArgs];
    const ran = await run(python, args, { env: { ...env, PATH }, input: "sesame\n" });
    expect(ran.stdout).toContain("1\r\n");
    expect(readFileSync(seen, "utf8")).toBe("sesame\n");
  });
});

test("BUCK2_ORAS_BIN: what pulls in our place has our logins, and ends with all that it started", async () => {
  const { dir, pids, seen, call } = desk();
  scriptOnPath(dir, "external", `env > ${seen}\n${stubborn(pids)}`);
  const env = { ...secrets, BUCK2_ORAS_BIN: join(dir, "bin", "external") };
  const ran = await call(["pull", "localhost:1/t/tool:1", "--timeout", "2"], { env });
  expect(ran.exitCode, ran.stderr).toBe(75);
  expect(await stillRunning((await linesOf(pids, 2)).map(Number))).toEqual([]);
  const told = readFileSync(seen, "utf8");
  expect(told).toContain("ORAS_TOKEN=secret-token\n");
  expect(told).not.toContain("BUCK2_ORAS_BIN=");
  expect(readdirSync(join(dir, "tmp"))).toEqual([]);
});
