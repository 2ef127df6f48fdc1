/** How the process behaves: what it prints where, how it ends, and what it reads before it begins. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { jsonSchemas } from "../../src/cli/schemas.ts";
import { oras, orasCommand } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { layoutProject, sha256 } from "../support/layout-project.ts";
import { requireProgram } from "../support/peers.ts";
import { run } from "../support/run.ts";

describe("the process", () => {
  test("--quiet leaves the result and errors", async () => {
    const project = await layoutProject();
    const ran = await project.oras(["pull", "oci:layout:1.0", "--platform", "linux-x86_64", "--quiet"]);
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ran.stdout).toMatch(new RegExp(`^${join(project.cacheDir, "oras")}.*[0-9a-f]{64}\n$`));
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
          value: ["c.lan:5000", "b.lan"],
          source: `--plain-http, ${files[1]}`,
        },
        { name: "plainHttpHosts.withoutLogin", value: ["a.lan"], source: files[0] },
        { name: "caFile", value: join(dir, "ca.pem"), source: "--ca-file" },
        { name: "externalCli", value: "/opt/other", source: "BUCK2_ORAS_BIN" },
      ]),
    );
    expect(shown.registries).toMatchObject([
      { name: "tools", source: files[1] },
      { name: "acme", source: files[0] },
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
    const command = `"$0" "$@" list oci:layout 2>err | head -n 1; echo "exit \${PIPESTATUS[0]}"; cat err`;
    const ran = await run(bash, ["-c", command, ...orasCommand()], { cwd: project.dir });
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
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const ran = await oras(["pull", `127.0.0.1:${port}/t/x:1`, "-o", "out", "--verbose"], {
      cwd: dir,
      env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") },
      onStart: (child) => {
        child.stderr?.on("data", (text: string) => {
          // The bytes come with the head that this line tells of.
          if (/\/blobs\/\S+: 200/.test(text)) setTimeout(() => child.kill(signal), 1000);
        });
      },
    });
    server.closeAllConnections();
    server.close();
    expect(ran.exitCode).toBe(exitCode);
    expect(existsSync(join(dir, "out"))).toBe(false);
    // The manifest is there, the blob is not.
    const hex = sha256("x").slice("sha256:".length);
    expect(existsSync(join(dir, "cache/oras", hex.slice(0, 2), hex))).toBe(false);
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
    expect(ran.stderr).toMatch(
      /TIMED_OUT[\s\S]*cause: at that time: asking 127\.0\.0\.1:\d+\n[\s\S]*--timeout[\s\S]*doctor/,
    );
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
