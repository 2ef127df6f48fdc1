/** A registry that wants a login, and a home with a docker configuration and a credential helper. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type TestContext } from "vitest";
import { type DockerRegistry, startDockerRegistry, userSecret } from "./docker-registry.ts";
import { oras } from "./executable.ts";
import { temporaryFolder } from "./folders.ts";
import { requireProgram } from "./peers.ts";
import type { Ran, RunOptions } from "./run.ts";

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

export interface LoginSetting {
  readonly registry: DockerRegistry;
  readonly dir: string;
  readonly configFile: string;
  readonly storeFile: string;
  readonly oras: (args: readonly string[], options?: RunOptions) => Promise<Ran>;
  readonly readConfig: () => { auths: Record<string, { auth?: string }>; [key: string]: unknown };
}

/** A registry that wants a login and has \`t/tool:1\`, and a home with a docker configuration. */
export async function loginSetting(context: TestContext, config?: object): Promise<LoginSetting> {
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
  const readConfig: LoginSetting["readConfig"] = () => JSON.parse(readFileSync(configFile, "utf8"));
  return { registry, dir, configFile, storeFile, oras: call, readConfig };
}
