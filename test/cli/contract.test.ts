/** What programs that were written for the older client rely on, word for word. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startDockerRegistry, userSecret } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { layoutProject, linuxTool, sha256 } from "../support/layout-project.ts";
import { requireProgram } from "../support/peers.ts";

test("--version exits 0 and prints name and version", async () => {
  const ran = await oras(["--version"]);
  expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  expect(ran.stdout).toMatch(/^buck2-oras \d+\.\d+\.\d+\n$/);
});

test("pull REF -o DIR --extract --verbose: the file is in DIR and its digest on stderr", async () => {
  const project = await layoutProject();
  const ran = await project.oras([
    "pull",
    "oci:layout:1.0",
    "-o",
    "out",
    "--extract",
    "--verbose",
    "--platform",
    "linux-x86_64",
  ]);
  expect(ran.exitCode).toBe(0);
  expect(readFileSync(join(project.dir, "out/tool"), "utf8")).toBe(linuxTool);
  expect(ran.stderr).toMatch(new RegExp(`^Digest: ${sha256(linuxTool)}$`, "m"));
  const path = /^Artifact cached at: (.+)$/m.exec(ran.stdout)?.[1] ?? "";
  expect(sha256(readFileSync(path))).toBe(sha256(linuxTool));
  expect(statSync(path).mode & 0o777).toBe(0o555);
  expect(statSync(join(project.dir, "out/tool")).mode & 0o777).toBe(0o755);
});

test("a missing artifact is `not found` on stderr, and nothing is on stdout", async () => {
  const project = await layoutProject();
  const ran = await project.oras(["pull", "oci:layout:2.0", "-o", "out", "--extract"]);
  expect(ran).toMatchObject({ exitCode: 66, stdout: "" });
  expect(ran.stderr).toContain("not found");
  expect(existsSync(join(project.dir, "out"))).toBe(false);
});

test("a registry that wants a login is `authentication` on stderr; with the login it pulls", async (context) => {
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"), { htpasswd: userSecret });
  context.onTestFinished(registry.stop);
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), linuxTool);
  const login = { ORAS_USER: "user", ORAS_PASS: "secret", BUCK2_ORAS_REGISTRY: registry.host };
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  const pushed = await oras(["push", "t/tool:1", "tool"], { cwd: dir, env: { ...env, ...login } });
  expect(pushed.exitCode, pushed.stderr).toBe(0);

  const refused = await oras(["pull", `${registry.host}/t/tool:1`, "-o", "out"], { cwd: dir, env });
  expect(refused).toMatchObject({ exitCode: 77, stdout: "" });
  expect(refused.stderr).toContain("authentication");

  const wrong = await oras(["pull", "t/tool:1"], { cwd: dir, env: { ...env, ...login, ORAS_PASS: "wrong" } });
  expect(wrong.exitCode).toBe(77);
  expect(wrong.stderr).toContain("authentication");
  expect(wrong.stderr + wrong.stdout).not.toContain("wrong");

  const pulled = await oras(["pull", "t/tool:1"], { cwd: dir, env: { ...env, ...login } });
  expect(pulled.exitCode, pulled.stderr).toBe(0);

  // The same login by the docker configuration, for exactly this host.
  const auth = Buffer.from("user:secret").toString("base64");
  const docker = join(dir, "docker");
  mkdirSync(docker);
  writeFileSync(join(docker, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  const cold = { BUCK2_ORAS_CACHE_DIR: join(dir, "cold") };
  const byConfig = await oras(["pull", `${registry.host}/t/tool:1`], {
    cwd: dir,
    env: { ...cold, DOCKER_CONFIG: docker },
  });
  expect(byConfig.exitCode, byConfig.stderr).toBe(0);
  writeFileSync(join(docker, "config.json"), JSON.stringify({ auths: { [`${registry.host}0`]: { auth } } }));
  const byPrefix = await oras(["list", `${registry.host}/t/tool`], {
    cwd: dir,
    env: { ...cold, DOCKER_CONFIG: docker },
  });
  expect(byPrefix.exitCode).toBe(77);

  // The environment's login belongs to the registry that it was set for.
  const elsewhere = { ...env, ...login, BUCK2_ORAS_REGISTRY: "localhost:1" };
  const other = await oras(["list", `${registry.host}/t/tool`], { cwd: dir, env: elsewhere });
  expect(other.exitCode).toBe(77);
});

test("BUCK2_ORAS_BIN: an executable with the contract pulls in our place, and what it gives is verified", async () => {
  const project = await layoutProject();
  const external = join(project.dir, "external.sh");
  const script = (digest: string): string =>
    `#!/bin/sh\n[ -z "$BUCK2_ORAS_BIN" ] || exit 9\n[ "$1 $3 $5" = "pull -o --extract" ] || exit 8\nprintf '%s' "$2" > "$4/tool"\necho "Digest: ${digest}" >&2\n`;
  const reference = "localhost:1/t/tool:1";
  writeFileSync(external, script(sha256(reference)), { mode: 0o755 });
  const env = { BUCK2_ORAS_BIN: external };
  const pulled = await project.oras(["pull", reference, "-o", "out"], { env });
  expect(pulled.exitCode, pulled.stderr).toBe(0);
  expect(readFileSync(join(project.dir, "out/tool"), "utf8")).toBe(reference);

  const other = await project.oras(["pull", reference, "--digest", sha256("other")], { env });
  expect(other.exitCode).toBe(65);
  writeFileSync(external, script(sha256("a lie")));
  expect((await project.oras(["pull", reference], { env })).exitCode).toBe(65);
  writeFileSync(external, "#!/bin/sh\necho 'error: authentication required' >&2; exit 1\n");
  expect((await project.oras(["pull", reference], { env })).exitCode).toBe(77);
  writeFileSync(external, "#!/bin/sh\necho 'manifest not found' >&2; exit 1\n");
  expect((await project.oras(["pull", reference], { env })).exitCode).toBe(66);

  const missing = await project.oras(["pull", reference], { env: { BUCK2_ORAS_BIN: join(project.dir, "nope") } });
  expect(missing.exitCode).toBe(69);
  expect(missing.stderr).toContain("buck2-oras CLI not found");
  expect(missing.stderr).toContain("hint: ");
});
