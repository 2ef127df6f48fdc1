import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { jsonSchemas } from "../../src/cli/schemas.ts";
import { oras, run } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { darwinTool, layoutProject, linuxTool, sha256 } from "../support/layout-project.ts";
import { requireProgram } from "../support/peers.ts";

const commands = [
  "pull",
  "blob",
  "extract",
  "list",
  "info",
  "verify",
  "clear-cache",
  "platform",
  "config",
  "lock",
  "push",
  "copy",
  "import",
  "tag",
  "prune",
  "login",
  "logout",
  "doctor",
  "completion",
];

describe("usage", () => {
  test("help lists every command, and each has help of its own", async () => {
    const help = await oras(["--help"]);
    expect(help.exitCode).toBe(0);
    for (const command of commands) {
      expect(help.stdout).toMatch(new RegExp(`^  ${command} `, "m"));
      const own = await oras([command, "--help"]);
      expect(own.exitCode, own.stderr).toBe(0);
      expect(own.stdout).toContain(`Usage: buck2-oras ${command}`);
    }
  });

  test.each([
    [["pul"], /unknown command 'pul'[\s\S]*pull/],
    [["pull"], /missing required argument 'ref'/],
    [["pull", "localhost/a:1", "--plattform", "x"], /unknown option '--plattform'[\s\S]*--platform/],
    [["pull", "localhost/a:1", "--platform", "amiga"], /unknown platform[\s\S]*linux-x86_64/],
    [["pull", "localhost/a:1", "--digest", "md5:1"], /not a digest/],
    [["pull", "localhost/a:1", "--extract"], /--extract needs a folder/],
    [["pull", "a:1"], /names no registry[\s\S]*BUCK2_ORAS_REGISTRY/],
    [["blob", "localhost/a:1", "--size", "1", "-o", "x"], /does not name a blob/],
    [["blob", `localhost/a@sha256:${"0".repeat(64)}`, "--size", "many", "-o", "x"], /number of bytes/],
    [["--timeout", "soon", "platform"], /number of seconds/],
    [["push", "oci:x:1"], /either one path/],
    [["lock", "add", "a b", "oci:x:1"], /not a name/],
    [["clear-cache", "--max-size", "big"], /size such as/],
    [[], /no command was given/],
  ])("%j is a usage error with a hint", async (args, message) => {
    const ran = await oras(args, { cwd: temporaryFolder() });
    expect(ran).toMatchObject({ exitCode: 64, stdout: "" });
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr).toMatch(/^error\[[A-Z_]+\]: /);
    expect(ran.stderr).toContain("  hint: ");
  });

  test("completion: each shell gets a script, and the script's protocol knows the commands", async () => {
    for (const shell of ["bash", "zsh", "fish", "powershell"]) {
      const script = await oras(["completion", shell]);
      expect(script.exitCode, script.stderr).toBe(0);
      expect(script.stdout.length).toBeGreaterThan(500);
      expect(script.stdout).toContain("buck2-oras");
      for (const option of ["--json", "--quiet"]) {
        expect(await oras(["completion", shell, option])).toEqual(script);
        expect(await oras([option, "completion", shell])).toEqual(script);
      }
    }
    const answers = await oras(["complete", "--", "pu"]);
    expect(answers.stdout).toMatch(/^pull\b/m);
    expect(answers.stdout).toMatch(/^push\b/m);
    expect((await oras(["completion", "tcsh"])).exitCode).toBe(64);
  });
});

describe("JSON", () => {
  test("each command prints one object of its schema", async () => {
    const project = await layoutProject();
    const linux = ["--platform", "linux-x86_64"];
    writeFileSync(join(project.dir, "a.txt"), "a");
    const calls = {
      pull: ["pull", "oci:layout:1.0", ...linux, "-o", "out"],
      blob: ["blob", `oci:layout@${sha256(linuxTool)}`, "--size", String(linuxTool.length), "-o", "tool"],
      list: ["list", "oci:layout"],
      info: ["info", "oci:layout:1.0"],
      verify: ["verify", "a.txt", sha256("a")],
      platform: ["platform"],
      "show-config": ["config"],
      logout: ["logout", "reg.example"],
      doctor: ["doctor", "oci:layout:1.0"],
      lock: ["lock", "add", "tool", "oci:layout:1.0"],
      "lock-check": ["lock", "check"],
      "lock-check-online": ["lock", "check", "--online"],
      push: ["push", "oci:layout:2.0", "a.txt"],
      import: ["import", "file:{platform}/tool", "oci:imported:1.0"],
      tag: ["tag", "oci:layout:1.0", "latest"],
      prune: ["prune", "oci:layout", "--keep-last", "5"],
      copy: ["copy", "oci:layout:1.0", "oci:copied:1.0"],
      "clear-cache": ["clear-cache"],
      error: ["pull", "oci:layout:9"],
    } as const;
    for (const [name, args] of Object.entries(calls)) {
      const ran = await project.oras([...args, "--json"]);
      expect(ran.exitCode, `${name}: ${ran.stderr}`).toBe(name === "error" ? 66 : 0);
      expect(ran.stderr).toBe("");
      const schema = jsonSchemas[name as keyof typeof jsonSchemas];
      const result = v.safeParse(v.strictObject(schema.entries), JSON.parse(ran.stdout));
      expect(result.issues ?? [], name).toEqual([]);
    }
  });

  test("a usage error is JSON too", async () => {
    const ran = await oras(["pul", "--json"]);
    expect(ran).toMatchObject({ exitCode: 64, stderr: "" });
    expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: "USAGE_INVALID", exitCode: 64 } });
  });
});

describe("pull from a layout", () => {
  test("the platform decides; a missing one names those that there are", async () => {
    const project = await layoutProject();
    const darwin = await project.oras(["pull", "oci:layout:1.0", "--platform", "darwin-arm64", "--json"]);
    expect(JSON.parse(darwin.stdout)).toMatchObject({
      digest: sha256(darwinTool),
      platform: "darwin-arm64",
      origin: "layout",
    });
    const oci = await project.oras(["pull", "oci:layout:1.0", "--platform", "darwin/arm64", "--json"]);
    expect(JSON.parse(oci.stdout)).toMatchObject({ digest: sha256(darwinTool), origin: "cache" });
    const missing = await project.oras(["pull", "oci:layout:1.0", "--platform", "windows-x86_64"]);
    expect(missing.exitCode).toBe(66);
    expect(missing.stderr).toMatch(/PLATFORM_NOT_FOUND[\s\S]*hint: it has: darwin-arm64, linux-x86_64/);
  });

  test("a tag template is filled in; an unpushed platform is not found", async () => {
    const project = await layoutProject();
    await project.oras(["push", "oci:layout:1-linux-x86_64", "linux-x86_64/tool"]);
    const pulled = await project.oras(["pull", "oci:layout:1-{platform}", "--platform", "linux-x86_64", "--json"]);
    expect(JSON.parse(pulled.stdout)).toMatchObject({ digest: sha256(linuxTool), platform: "linux-x86_64" });
    expect((await project.oras(["pull", "oci:layout:1-{platform}", "--platform", "darwin-arm64"])).exitCode).toBe(66);
  });

  test("--digest: cached content is returned without asking; other content is refused and not placed", async () => {
    const project = await layoutProject();
    const args = ["pull", "oci:layout:1.0", "--platform", "linux-x86_64", "-o", "out"];
    const wrong = await project.oras([...args, "--digest", sha256(darwinTool)]);
    expect(wrong.exitCode).toBe(65);
    expect(wrong.stderr).toContain("CONTENT_DIGEST_MISMATCH");
    expect(existsSync(join(project.dir, "out"))).toBe(false);
    const right = await project.oras([...args, "--digest", sha256(linuxTool).slice("sha256:".length)]);
    expect(right.exitCode, right.stderr).toBe(0);
    const nobody = ["pull", "localhost:1/nobody/asked:1", "--digest", sha256(linuxTool)];
    expect((await project.oras(nobody)).exitCode).toBe(0);
  });

  test("several files need -o and are placed by their titles", async () => {
    const project = await layoutProject();
    writeFileSync(join(project.dir, "linux-x86_64", "note.txt"), "note");
    await project.oras(["push", "oci:layout:folder", "linux-x86_64"]);
    const without = await project.oras(["pull", "oci:layout:folder"]);
    expect(without.exitCode).toBe(64);
    expect(without.stderr).toContain("OUTPUT_REQUIRED");
    const pinned = await project.oras(["pull", "oci:layout:folder", "-o", "out", "--digest", sha256("x")]);
    expect(pinned.exitCode).toBe(64);
    expect(pinned.stderr).toMatch(/pin its manifest instead: oci:layout@sha256:[0-9a-f]{64}/);
    const pulled = await project.oras(["pull", "oci:layout:folder", "-o", "out"]);
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    expect(readdirSync(join(project.dir, "out/linux-x86_64")).sort()).toEqual(["note.txt", "tool"]);
  });

  test.each(["../evil", "/etc/evil", "a/../../evil", "C:\\evil", "NUL", "a\\b", "x:ads", "dot."])(
    "a title %j is refused and nothing is written",
    async (title) => {
      const project = await layoutProject();
      const pushed = await project.oras(["push", "oci:layout:evil", "linux-x86_64/tool", "--title", title]);
      expect(pushed.exitCode, pushed.stderr).toBe(0);
      const ran = await project.oras(["pull", "oci:layout:evil", "-o", "out/deep"]);
      expect(ran.exitCode).toBe(65);
      expect(existsSync(join(project.dir, "out"))).toBe(false);
    },
  );
});

describe("the process", () => {
  test("--quiet leaves the result and errors", async () => {
    const project = await layoutProject();
    const ran = await project.oras(["pull", "oci:layout:1.0", "--platform", "linux-x86_64", "--quiet"]);
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ran.stdout).toMatch(/^Artifact cached at: .+\n$/);
    expect((await project.oras(["pull", "oci:layout:9", "--quiet"])).stderr).toContain("error[");
  });

  test("config: what is in force, and where each comes from", async () => {
    const dir = temporaryFolder();
    writeFileSync(
      join(dir, "buck2-oras.json"),
      '{"registries": {"acme": {"prefix": "ghcr.io/acme", "mirrors": ["mirror.lan/acme"]}}, "concurrency": 2}',
    );
    const ran = await oras(["config", "--timeout", "5"], { cwd: dir });
    expect(ran.stdout).toMatch(/timeouts\.totalSeconds +5 +--timeout/);
    expect(ran.stdout).toMatch(/concurrency +2 +\S*buck2-oras\.json/);
    expect(ran.stdout).toMatch(/acme +ghcr\.io\/acme +mirror\.lan\/acme +\S*buck2-oras\.json/);
    writeFileSync(join(dir, "buck2-oras.json"), '{\n"concurency": 2}');
    const wrong = await oras(["platform"], { cwd: dir });
    expect(wrong.exitCode).toBe(78);
    expect(wrong.stderr).toMatch(/CONFIG_INVALID\]: \S*buck2-oras\.json:2: `concurency`/);
  });

  test("config: what is joined from several places names all of them, and no setting is left out", async () => {
    const dir = temporaryFolder();
    const home = temporaryFolder();
    mkdirSync(join(home, "buck2-oras"));
    const files = [join(dir, "buck2-oras.json"), join(home, "buck2-oras", "config.json")] as const;
    writeFileSync(files[0], '{"plainHttpHosts": ["a.lan"], "registries": {"acme": {"prefix": "ghcr.io/acme"}}}');
    writeFileSync(files[1], '{"plainHttpHosts": ["b.lan"], "registries": {"tools": {"prefix": "ghcr.io/tools"}}}');
    const env = { XDG_CONFIG_HOME: home, BUCK2_ORAS_BIN: "/opt/other" };
    writeFileSync(join(dir, "ca.pem"), "-----BEGIN CERTIFICATE-----\n");
    const ran = await oras(["config", "--plain-http=c.lan:5000", "--ca-file", "ca.pem", "--json"], { cwd: dir, env });
    const shown = v.parse(jsonSchemas["show-config"], JSON.parse(ran.stdout));
    expect(shown.settings).toEqual(
      expect.arrayContaining([
        {
          name: "plainHttpHosts",
          value: ["c.lan:5000", "a.lan", "b.lan"],
          source: `--plain-http, ${files[0]}, ${files[1]}`,
        },
        { name: "caFile", value: join(dir, "ca.pem"), source: "--ca-file" },
        { name: "externalCli", value: "/opt/other", source: "BUCK2_ORAS_BIN" },
      ]),
    );
    expect(shown.registries).toMatchObject([
      { name: "acme", source: files[0] },
      { name: "tools", source: files[1] },
    ]);
  });

  test("a closed pipe is no error, however much is left to say", async (context) => {
    const bash = requireProgram(context, "bash");
    const project = await layoutProject();
    const path = join(project.dir, "layout/index.json");
    const index = JSON.parse(readFileSync(path, "utf8"));
    const [manifest] = index.manifests;
    const names = Array.from({ length: 5000 }, (_, number) => `${"long-".repeat(10)}${number}`);
    index.manifests = names.map((name) => ({
      ...manifest,
      annotations: { "org.opencontainers.image.ref.name": name },
    }));
    writeFileSync(path, JSON.stringify(index));
    const whole = await project.oras(["list", "oci:layout"]);
    // More than a pipe holds, or nothing would be cut off.
    expect(whole.stdout.length).toBeGreaterThan(128 * 1024);
    const command = `"$0" "$1" list oci:layout 2>err | head -n 1; echo "exit \${PIPESTATUS[0]}"; cat err`;
    const { inject } = await import("vitest");
    const ran = await run(bash, ["-c", command, process.execPath, inject("executable")], { cwd: project.dir });
    expect(ran.stdout).toMatch(/^long-\S+\nexit 0\n$/);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s in mid-pull exits %i and leaves nothing half-written", async (signal, exitCode) => {
    const dir = temporaryFolder();
    const server = createServer((request, response) => {
      if (request.url?.includes("/manifests/")) {
        const layer = { mediaType: "application/octet-stream", digest: sha256("x"), size: 10 };
        response.setHeader("content-type", "application/vnd.oci.image.manifest.v1+json");
        response.end(JSON.stringify({ schemaVersion: 2, config: layer, layers: [layer] }));
      } else {
        // Five bytes, and then silence.
        response.writeHead(200, { "content-length": 10 });
        response.write("12345");
        setTimeout(() => child?.kill(signal), 200);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    let child: import("node:child_process").ChildProcess | undefined;
    const { port } = server.address() as AddressInfo;
    const ran = await oras(["pull", `127.0.0.1:${port}/t/x:1`, "-o", "out"], {
      cwd: dir,
      env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") },
      onStart: (started) => {
        child = started;
      },
    });
    server.closeAllConnections();
    server.close();
    expect(ran.exitCode).toBe(exitCode);
    expect(existsSync(join(dir, "out"))).toBe(false);
    expect(readdirSync(join(dir, "cache/oras"))).toEqual([]);
    // What came is kept for the next pull, and is nothing that anybody takes for the file.
    const staged = readdirSync(join(dir, "cache/tmp"));
    expect(staged).toEqual([expect.stringMatching(/\.partial$/)]);
    expect(readFileSync(join(dir, "cache/tmp", staged[0] ?? ""), "utf8")).toBe("12345");
  });

  test("--timeout: a registry that never answers ends with exit 75 and a hint", async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const ran = await oras(["list", `127.0.0.1:${port}/t`, "--timeout", "0.3"], { cwd: temporaryFolder() });
    server.closeAllConnections();
    server.close();
    expect(ran.exitCode).toBe(75);
    expect(ran.stderr).toMatch(/TIMED_OUT[\s\S]*--timeout/);
  });

  test("a refused connection names the host and the reason, exit 69", async () => {
    const ran = await oras(["list", "127.0.0.1:1/t"], { cwd: temporaryFolder() });
    expect(ran.exitCode).toBe(69);
    expect(ran.stderr).toMatch(/cannot talk to 127\.0\.0\.1:1: connection refused[\s\S]*hint/);
  });

  test("the bundle is what package.json says it is", () => {
    const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(manifest).toMatchObject({ bin: { "buck2-oras": "dist/buck2-oras.cjs" } });
  });
});
