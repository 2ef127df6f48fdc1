/** Whoever wrote the checkout, and logins: they go to hosts that the user names, and over http only where the user says so. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Home, homeWithCheckout } from "../support/home.ts";
import { linuxTool } from "../support/layout-project.ts";
import { type ForwardProxy, startForwardProxy } from "../support/proxy.ts";
import { type Handler, startServer, type TestServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import type { Ran } from "../support/run.ts";

const login = `Basic ${Buffer.from("alice:hunter2").toString("base64")}`;
const entry = { auth: login.slice("Basic ".length) };

/** Wants a login for everything. */
const guarded: Handler = (request, response, server) => {
  if (request.headers.authorization === login) {
    if (request.url === "/v2/") response.end("{}");
    else serveTool(linuxTool)(request, response, server);
  } else response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
};

function storedLogins({ home }: Home): Record<string, unknown> {
  return JSON.parse(readFileSync(join(home, ".docker", "config.json"), "utf8")).auths;
}

function storeLogins({ home }: Home, ...hosts: string[]): void {
  mkdirSync(join(home, ".docker"), { recursive: true });
  const auths = Object.fromEntries(hosts.map((host) => [host, entry]));
  writeFileSync(join(home, ".docker", "config.json"), JSON.stringify({ auths }));
}

describe("login and logout", () => {
  const password = ["-u", "alice", "--password-stdin"];

  test("a name that both files define means the user's host: the password goes there alone", async () => {
    const [mine, evil] = [await startServer(guarded), await startServer(guarded)];
    const place = homeWithCheckout();
    place.user({ registries: { acme: { prefix: `${mine.host}/t` } }, defaultRegistry: mine.host });
    place.project({ registries: { acme: { prefix: `${evil.host}/t` } }, defaultRegistry: evil.host });
    for (const named of [["acme"], []]) {
      const ran = await place.oras(["login", ...named, ...password], { input: "hunter2" });
      expect(ran).toMatchObject({ exitCode: 0, stdout: `Logged in to ${mine.host} as alice\n` });
    }
    expect(Object.keys(storedLogins(place))).toEqual([mine.host]);
    storeLogins(place, mine.host, evil.host);
    expect((await place.oras(["logout", "acme"])).stdout).toBe(`Logged out of ${mine.host}\n`);
    expect(Object.keys(storedLogins(place))).toEqual([evil.host]);
    expect(evil.seen).toEqual([]);
  });

  test("what only the project's file names is refused, before a password is asked for, with the host to write", async () => {
    const evil = await startServer(guarded);
    const place = homeWithCheckout();
    storeLogins(place, evil.host);
    place.project({ registries: { acme: { prefix: `${evil.host}/t` } }, defaultRegistry: evil.host });
    for (const args of [["login", "acme"], ["login"], ["logout", "acme"], ["logout"]]) {
      const ran = await place.oras(args, { input: "hunter2" });
      expect(ran.exitCode, ran.stderr).toBe(64);
      expect(ran.stderr).toMatch(/error\[REGISTRY_NOT_NAMED\]: .* never goes to a host that only a project names/);
      expect(ran.stderr).toContain(`hint: write the host if you mean ${evil.host}: \`buck2-oras login ${evil.host}\``);
    }
    expect(evil.seen).toEqual([]);
    expect(Object.keys(storedLogins(place))).toEqual([evil.host]);
    // Written out, by whichever way, it is meant.
    for (const [args, env] of [
      [["login", evil.host], {}],
      [["login", "--registry", evil.host], {}],
      [["login"], { BUCK2_ORAS_REGISTRY: evil.host }],
    ] as const) {
      const ran = await place.oras([...args, ...password], { input: "hunter2", env });
      expect(ran.stdout, ran.stderr).toBe(`Logged in to ${evil.host} as alice\n`);
    }
  });
});

interface Clear extends Home {
  /** `reg.test:5000`, which speaks http behind a proxy that hears everything. */
  readonly server: TestServer;
  readonly proxy: ForwardProxy;
  readonly call: (args: readonly string[], env?: Record<string, string>, input?: string) => Promise<Ran>;
}

const host = "reg.test:5000";

async function inTheClear(handler: Handler): Promise<Clear> {
  const server = await startServer(handler);
  const proxy = await startForwardProxy(undefined, { hosts: { [host]: server.host } });
  const place = homeWithCheckout();
  storeLogins(place, host);
  place.project({ plainHttpHosts: [host] });
  writeFileSync(join(place.checkout, "tool"), linuxTool);
  const proxies = { HTTP_PROXY: `http://${proxy.host}`, HTTPS_PROXY: `http://${proxy.host}` };
  return {
    ...place,
    server,
    proxy,
    call: (args, env = {}, input = "") =>
      place.oras([...args, "--timeout", "20"], { env: { ...proxies, ...env }, input }),
  };
}

function secretsSeenBy({ server }: Clear): string[] {
  const all = server.seen.map(({ url, body, headers }) => `${url} ${body} ${headers.authorization ?? ""}`);
  return all.filter((text) => /hunter2|c0ffee|YWxpY2U6aHVudGVyMg/.test(text));
}

describe("http that only the project's file allows", () => {
  test("no login is sent, from wherever it would come; the error says so, and how to allow it", async () => {
    const place = await inTheClear(guarded);
    const own = { BUCK2_ORAS_REGISTRY: host };
    const podman = join(place.home, "auth.json");
    writeFileSync(podman, JSON.stringify({ auths: { [host]: { identitytoken: "c0ffee" } } }));
    for (const [args, env] of [
      [["pull", `${host}/t/tool:1`], {}],
      [["list", "t/tool"], { ...own, ORAS_USER: "alice", ORAS_PASS: "hunter2" }],
      [["info", "t/tool:1"], { ...own, ORAS_TOKEN: "c0ffee" }],
      [["list", `${host}/t/tool`], { DOCKER_CONFIG: join(place.home, "none"), REGISTRY_AUTH_FILE: podman }],
      [["push", `${host}/t/tool:2`, "tool"], {}],
      [["copy", `${host}/t/tool:1`, "oci:layout:1"], {}],
      [["tag", `${host}/t/tool:1`, "latest"], {}],
    ] as const) {
      const ran = await place.call(args, env);
      expect(ran.exitCode, ran.stderr).toBe(77);
      expect(ran.stderr).toContain("error[REGISTRY_UNAUTHORIZED]: authentication required for");
      expect(ran.stderr).toContain(`no login was sent, since only ${place.projectFile} allows http for ${host}`);
      expect(ran.stderr).toContain(`--plain-http=${host}, or with \`plainHttpHosts\` in ${place.userFile}`);
    }
    expect(place.server.seen.length).toBeGreaterThan(6);
    expect(secretsSeenBy(place)).toEqual([]);
  });

  test("a token service is asked for what anybody gets, without the login", async () => {
    const place = await inTheClear(({ url, headers }, response) => {
      if (url.startsWith("/token"))
        response.end(JSON.stringify({ token: headers.authorization ? "c0ffee" : "public" }));
      else if (headers.authorization === "Bearer public") response.end(JSON.stringify({ name: "t/tool", tags: ["1"] }));
      else response.writeHead(401, { "www-authenticate": `Bearer realm="http://${host}/token",service="x"` }).end();
    });
    expect(await place.call(["list", `${host}/t/tool`])).toMatchObject({ exitCode: 0, stdout: "1\n" });
    expect(secretsSeenBy(place)).toEqual([]);
  });

  test("as a mirror it is asked without a login, and passed over", async () => {
    const place = await inTheClear(guarded);
    const registry = await startServer(serveTool(linuxTool));
    place.project({
      plainHttpHosts: [host],
      registries: { team: { prefix: `${registry.host}/t`, mirrors: [`${host}/t`] } },
    });
    const pulled = await place.call(["pull", "team/tool:1", "-o", "out"]);
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    expect(place.server.seen).not.toEqual([]);
    expect(secretsSeenBy(place)).toEqual([]);
  });

  test("doctor says that none is sent; login goes over TLS or not at all", async () => {
    const place = await inTheClear(guarded);
    const doctor = await place.call(["doctor", `${host}/t/tool:1`]);
    expect(doctor.stdout).toMatch(/^credentials +warning +\d+ ms +none are sent$/m);
    expect(doctor.stdout).toContain(`no login was sent, since only ${place.projectFile}`);
    const ran = await place.call(["login", host, "-u", "alice", "--password-stdin"], {}, "hunter2");
    expect(ran.exitCode, ran.stderr).toBe(69);
    expect(ran.stderr).toContain(`--plain-http=${host}, or \`plainHttpHosts\` in your own configuration file`);
    expect(place.proxy.passed.filter((url) => url === `${host}`)).not.toEqual([]);
    expect(secretsSeenBy(place)).toEqual([]);
  });

  test("a bare --plain-http sends no login to a host that only the checkout names, by whichever file of its", async () => {
    const place = await inTheClear(guarded);
    expect(await place.call(["lock", "add", "tool", `${host}/t/tool:1`, "--plain-http"])).toMatchObject({
      exitCode: 0,
    });
    place.server.seen.length = 0;
    for (const [project, args] of [
      [{ defaultRegistry: host }, ["pull", "t/tool:1"]],
      [{ defaultRegistry: host }, ["doctor", "t/tool:1"]],
      [{ registries: { dev: { prefix: `${host}/t` } } }, ["pull", "dev/tool:1"]],
      [{ registries: { dev: { prefix: `${host}/t` } } }, ["info", "dev/tool:1"]],
      [{ registries: { dev: { prefix: `${host}/t` } } }, ["lock", "add", "tool", "dev/tool:1"]],
      [{}, ["lock", "update"]],
      [{}, ["lock", "check", "--online"]],
      [{}, ["copy", "--lock", "oras.lock.json", "oci:layout"]],
    ] as const) {
      place.project(project);
      const before = place.server.seen.length;
      const ran = await place.call([...args, "--plain-http"]);
      expect(ran.exitCode, args.join(" ") + ran.stderr).toBe(77);
      expect(place.server.seen.length, args.join(" ")).toBeGreaterThan(before);
      const said = ran.stdout + ran.stderr;
      expect(said).toContain(
        "no login was sent, since `--plain-http` names no host, and only files of the project name",
      );
      expect(said).toContain(`--plain-http=${host}, or with \`plainHttpHosts\` in ${place.userFile}`);
    }
    expect(secretsSeenBy(place)).toEqual([]);
  });

  test("a bare --plain-http sends it to a host that the command line, a variable or the user's file names", async () => {
    const place = await inTheClear(guarded);
    place.project({ defaultRegistry: host, registries: { dev: { prefix: `${host}/t` } } });
    const own = { registries: { mine: { prefix: `${host}/t` } } };
    for (const [user, args, env] of [
      [{}, ["pull", `${host}/t/tool:1`], {}],
      [{}, ["info", `${host}/t/tool:1`], {}],
      [{}, ["lock", "add", "tool", `${host}/t/tool:1`], {}],
      [{}, ["pull", "t/tool:1", "--registry", host], {}],
      [{}, ["pull", "t/tool:1"], { BUCK2_ORAS_REGISTRY: host }],
      [{ defaultRegistry: host }, ["pull", "t/tool:1"], {}],
      [own, ["pull", "mine/tool:1"], {}],
    ] as const) {
      place.user(user);
      const ran = await place.call([...args, "--plain-http"], env);
      expect(ran.exitCode, args.join(" ") + ran.stderr).toBe(0);
    }
  });

  test("where an option or the user's file allows it, the login is sent as it always was", async () => {
    const place = await inTheClear(guarded);
    for (const plain of ["--plain-http", `--plain-http=${host}`]) {
      expect(await place.call(["pull", `${host}/t/tool:1`, plain, "-o", "out"])).toMatchObject({ exitCode: 0 });
    }
    place.user({ plainHttpHosts: [host] });
    const args = ["login", host, "-u", "alice", "--password-stdin"];
    expect(await place.call(args, {}, "hunter2")).toMatchObject({ exitCode: 0 });
    expect(await place.call(["info", `${host}/t/tool:1`])).toMatchObject({ exitCode: 0 });
    expect(secretsSeenBy(place).length).toBeGreaterThan(3);
  });
});
