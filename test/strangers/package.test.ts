/** Whoever publishes a package, or runs its registry: `import` runs nothing of theirs, and packs nothing of the user's. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { platformFromNode } from "../../src/model/platform.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { goProxy, modulePath } from "../support/go-proxy.ts";
import { partName, program, startNpmRegistry } from "../support/npm-registry.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";
import type { Ran, RunOptions } from "../support/run.ts";

interface Desk {
  readonly dir: string;
  /** Made by what must not run. */
  readonly canary: string;
  readonly run: (
    source: string,
    env: Readonly<Record<string, string>>,
    options?: { readonly platform: string },
  ) => Promise<Ran>;
  /** Tags in the layout that `run` imports into. */
  readonly tags: () => Promise<string>;
  /** All manifests of the layout. */
  readonly manifests: () => string;
}

/** A checkout with a home and a folder for temporary files beside it. */
function desk(): Desk {
  const dir = temporaryFolder();
  for (const name of ["checkout", "home", "tmp"]) mkdirSync(join(dir, name));
  const own = { HOME: join(dir, "home"), TMPDIR: join(dir, "tmp"), BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  const call = (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
    oras(args, { cwd: join(dir, "checkout"), ...options, env: { ...own, ...options.env } });
  return {
    dir,
    canary: join(dir, "canary"),
    run: (source, env, { platform } = { platform: "linux-x86_64" }) =>
      call(["import", source, "oci:layout:1", "--platform", platform, "--compression", "zstd:1"], { env }),
    tags: async () => (await call(["list", "oci:layout"])).stdout,
    manifests: () => {
      const blobs = join(dir, "checkout", "layout", "blobs", "sha256");
      const texts = readdirSync(blobs).map((name) => readFileSync(join(blobs, name), "latin1"));
      return texts.filter((text) => text.startsWith("{")).join("\n");
    },
  };
}

function npmEnv(host: string): Record<string, string> {
  return {
    npm_config_registry: `http://${host}/`,
    npm_config_cache: temporaryFolder(),
    npm_config_fetch_retries: "0",
  };
}

/** A folder that runs something when npm packs it or fetches it with git. */
function trap(dir: string, canary: string): string {
  const folder = join(dir, "trap");
  mkdirSync(folder);
  const touch = `touch ${canary}`;
  const scripts = { prepare: touch, prepack: touch, preinstall: touch, postinstall: touch };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: partName, version: "1.0.0", scripts }));
  const git = (...args: string[]): void =>
    void execFileSync("git", ["-C", folder, "-c", "user.name=t", "-c", "user.email=t@t.example", ...args]);
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "-m", "x");
  return folder;
}

describe("npm: an optional package", () => {
  test.for([
    ["a repository", partName, "git+file://TRAP"],
    ["a folder", partName, "file:TRAP"],
    ["a folder without a scheme", partName, "TRAP"],
    ["an address", partName, "http://HOST/x.tgz"],
    ["a repository on a host that npm knows", partName, "acme/tool"],
    ["an archive in the folder", partName, "1.0.0-x.tgz"],
    ["a name that is one", "tool.tgz", "1.0.0"],
    ["a name with a path", "../checkout/trap", "1.0.0"],
    ["an option for a name", "--pack-destination=DIR", "1.0.0"],
    ["an option for a version", partName, "--pack-destination=DIR"],
    ["an alias of a repository", partName, "npm:x@git+file://TRAP"],
    ["an alias of an alias", partName, `npm:x@npm:${partName}@1.0.0`],
    ["a range with a path in it", partName, ">=1.0.0 || ../trap"],
  ] as const)("that is %s is refused before npm sees it", async ([, name, wanted], context) => {
    requireProgram(context, "npm");
    requireProgram(context, "git");
    const { dir, canary, run, tags } = desk();
    const folder = trap(dir, canary);
    const filled = (text: string): string => text.replace("TRAP", folder).replace("DIR", dir);
    const server = await startNpmRegistry({ optionalDependencies: { [filled(name)]: filled(wanted) } });
    const ran = await run("npm:tool@1.0.0", npmEnv(server.host));
    expect(ran.exitCode, ran.stderr).toBe(65);
    expect(ran.stderr).toMatch(
      /IMPORT_CONTENT_INVALID\]: tool@1\.0\.0 names an optional package that is not a version/,
    );
    expect(new Set(server.seen.map(({ url }) => url))).toEqual(new Set(["/tool"]));
    expect(existsSync(canary)).toBe(false);
    expect(await tags()).toBe("");
  });

  test("that is an alias of an exact version is what it stands for", async (context) => {
    requireProgram(context, "npm");
    const { run, tags } = desk();
    const server = await startNpmRegistry({ optionalDependencies: { anything: `npm:${partName}@1.0.0` } });
    const ran = await run("npm:tool@1.0.0", npmEnv(server.host));
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toContain(`pkg:npm/${partName}@1.0.0`);
    expect(await tags()).toBe("1\n");
  });

  test.for([
    ["a repository", { dist: { tarball: "git+file://TRAP" } }],
    ["a folder", { dist: { tarball: "file:TRAP" } }],
    ["of another name, with a path in it", { name: "/../../../../tool" }],
  ] as const)("whose archive the registry says is %s is not fetched", async ([, stated], context) => {
    requireProgram(context, "npm");
    requireProgram(context, "git");
    const { dir, canary, run, tags } = desk();
    const folder = trap(dir, canary);
    const text = JSON.stringify(stated).replace("TRAP", folder);
    const server = await startNpmRegistry({ stated: () => JSON.parse(text) as Record<string, unknown> });
    const ran = await run("npm:tool@1.0.0", npmEnv(server.host));
    expect(ran.exitCode, ran.stderr).toBe(65);
    expect(server.seen.filter(({ url }) => url.endsWith(".tgz"))).toEqual([]);
    expect(existsSync(canary)).toBe(false);
    expect(await tags()).toBe("");
  });

  test("of whose archive the registry states no sum is not fetched", async (context) => {
    requireProgram(context, "npm");
    const { run, tags } = desk();
    const server = await startNpmRegistry({ hasSums: false });
    const ran = await run("npm:tool@1.0.0", npmEnv(server.host));
    expect(ran.exitCode, ran.stderr).toBe(69);
    expect(ran.stderr).toContain("states no checksum");
    expect(server.seen.filter(({ url }) => url.endsWith(".tgz"))).toEqual([]);
    expect(await tags()).toBe("");
  });

  test.for([["git+file://TRAP"], ["file:TRAP"]])(
    "whose archive is %s when npm asks once more is not taken",
    async ([tarball = ""], context) => {
      requireProgram(context, "npm");
      requireProgram(context, "git");
      const { dir, canary, run, tags } = desk();
      const dist = { tarball: tarball.replace("TRAP", trap(dir, canary)) };
      const server = await startNpmRegistry({ stated: (timesAsked) => (timesAsked === 1 ? {} : { dist }) });
      // Without its cache, npm asks each time.
      const ran = await run("npm:tool@1.0.0", npmEnv(server.host));
      expect(ran.exitCode, ran.stderr).not.toBe(0);
      expect(existsSync(canary)).toBe(false);
      expect(await tags()).toBe("");
    },
  );

  test("with a link that leads outside is refused; `bin` of its metadata names nothing that is written", async (context) => {
    requireProgram(context, "npm");
    const link = { name: "package/bin/x", type: "2", linkname: "../../../../../../etc/passwd" };
    const linked = desk();
    const refused = await linked.run(
      "npm:tool@1.0.0",
      npmEnv((await startNpmRegistry({ entries: [program, link] })).host),
    );
    expect(refused.exitCode, refused.stderr).toBe(65);
    expect(refused.stderr).toContain("ARCHIVE_UNSAFE");
    const { dir, run } = desk();
    const body = JSON.stringify({ name: partName, version: "1.0.0", bin: { "../../../canary": "../../../canary" } });
    const entries = [{ name: "package/package.json", body }, program];
    const ran = await run("npm:tool@1.0.0", npmEnv((await startNpmRegistry({ entries })).host));
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(existsSync(join(dir, "canary"))).toBe(false);
  });
});

describe("what lies above the temporary folder, where anybody may write", () => {
  test("`.npmrc` does not say where npm's packages come from", async (context) => {
    requireProgram(context, "npm");
    const { dir, run } = desk();
    const evil = await startServer((_request, response) => response.writeHead(404).end());
    writeFileSync(join(dir, "package.json"), '{"workspaces":["**"]}');
    writeFileSync(join(dir, ".npmrc"), `registry=http://${evil.host}/\n`);
    const good = await startNpmRegistry();
    writeFileSync(join(dir, "home", ".npmrc"), `registry=http://${good.host}/\n`);
    const ran = await run("npm:tool@1.0.0", { npm_config_cache: temporaryFolder() });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(evil.seen).toEqual([]);
  });

  test("`.mvn/jvm.config` does not say how Maven runs", async (context) => {
    requireProgram(context, "mvn");
    const { dir, canary, run } = desk();
    mkdirSync(join(dir, ".mvn"));
    writeFileSync(join(dir, ".mvn", "jvm.config"), `-Xlog:gc*:file=${canary}\n`);
    const home = join(dir, "home");
    mkdirSync(join(home, ".m2"));
    writeFileSync(join(home, ".m2", "settings.xml"), "<settings><offline>true</offline></settings>");
    const ran = await run("maven:g:tool:1.0", { MAVEN_OPTS: `-Duser.home=${home}` });
    expect(ran.exitCode, ran.stderr).toBe(69);
    expect(ran.stderr).toContain("mvn could not provide g:tool:1.0");
    expect(existsSync(canary)).toBe(false);
  }, 60_000);
});

test("pip: what the environment says of its words or its Python changes nothing", async (context) => {
  requireProgram(context, "python3");
  const { dir, canary, run, tags } = desk();
  writeFileSync(join(dir, "sitecustomize.py"), `open(${JSON.stringify(canary)}, "w")\n`);
  const server = await startServer((_request, response) => response.writeHead(503).end());
  const env = {
    PIP_INDEX_URL: `http://${server.host}/simple`,
    PIP_CONFIG_FILE: "/dev/null",
    PIP_RETRIES: "0",
    PIP_QUIET: "3",
    PIP_REQUIRE_VIRTUALENV: "1",
    PYTHONPATH: dir,
  };
  const ran = await run("pypi:tool@1.0", env);
  expect(ran.exitCode, ran.stderr).toBe(69);
  expect(ran.stderr).toMatch(/IMPORT_FAILED[\s\S]*503/);
  expect(existsSync(canary)).toBe(false);
  expect(await tags()).toBe("");
});

test("go: a program of the user's where `go env -w GOBIN` points stays; what he set changes no bytes and runs nothing", async (context) => {
  const go = requireProgram(context, "go");
  const { dir, canary, run, manifests } = desk();
  // Go makes its modules' folders read-only, and what is built for a test need not be built twice.
  onTestFinished(() => void execFileSync("chmod", ["-R", "u+w", dir]));
  const cache = execFileSync(go, ["env", "GOCACHE"], { encoding: "utf8" }).trim();
  const goVersion = execFileSync(go, ["env", "GOVERSION"], { encoding: "utf8" }).trim();
  const platform = platformFromNode(process.platform, process.arch);
  const settings = { GOPATH: join(dir, "gopath"), GOCACHE: cache, GOPROXY: goProxy(dir), GOSUMDB: "off" };
  const imported = async (env: Readonly<Record<string, string>>): Promise<string> => {
    const ran = await run(`go:${modulePath}@v1.0.0`, { ...settings, ...env }, { platform });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(manifests()).toContain(`@v1.0.0?built_with=${goVersion}&module_sum=`);
    const [digest = "none"] = /sha256:[0-9a-f]{64}$/m.exec(ran.stderr) ?? [];
    expect(digest).not.toBe("none");
    return digest;
  };
  const plain = await imported({});

  const bin = join(dir, "home", "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "tool"), "the user's own\n");
  const evil = join(dir, "evil.sh");
  writeFileSync(evil, `#!/bin/sh\ntouch ${canary}\nexec "$@"\n`, { mode: 0o755 });
  const goEnv = join(dir, "home", "goenv");
  writeFileSync(goEnv, `GOBIN=${bin}\nGOFLAGS=-toolexec=${evil}\nGOEXPERIMENT=greenteagc\n`);
  // A project above the folder in which Go runs.
  writeFileSync(join(dir, "go.mod"), "module x\n\ngo 99.0\n");
  const hostile = {
    GOENV: goEnv,
    GOFIPS140: "latest",
    GOEXPERIMENT: "rangefunc",
    GOFLAGS: `-toolexec=${evil}`,
    GOBIN: bin,
  };
  expect(await imported(hostile)).toBe(plain);
  expect(readFileSync(join(bin, "tool"), "utf8")).toBe("the user's own\n");
  expect(existsSync(canary)).toBe(false);

  // What he set of where modules come from counts.
  writeFileSync(goEnv, `GOPROXY=${settings.GOPROXY}\nGOSUMDB=off\n`);
  const { GOPROXY: _proxy, GOSUMDB: _sumdb, ...rest } = settings;
  const ran = await run(
    `go:${modulePath}@v1.0.0`,
    { ...rest, GOENV: goEnv, GOPATH: join(dir, "gopath-2") },
    { platform },
  );
  expect(ran.exitCode, ran.stderr).toBe(0);
}, 180_000);
