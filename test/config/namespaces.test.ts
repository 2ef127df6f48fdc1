/** Logins for a part of a registry, as containers-auth.json(5) has them. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createCredentialProvider } from "../../src/config/credentials.ts";
import { readSettings } from "../../src/config/settings.ts";
import type { CredentialProvider } from "../../src/model/credentials.ts";
import { noConfigFiles, testContext } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";

const login = (name: string) => ({ auth: Buffer.from(`${name}:p`).toString("base64") });

function provider(config: object, env: Readonly<Record<string, string>> = {}): CredentialProvider {
  const homeDir = temporaryFolder();
  mkdirSync(join(homeDir, ".docker"));
  writeFileSync(join(homeDir, ".docker", "config.json"), JSON.stringify(config));
  const context = testContext({ env, homeDir });
  return createCredentialProvider(readSettings({}, context, noConfigFiles), context, new AbortController().signal);
}

async function userFor(find: CredentialProvider, registry: string, repository?: string): Promise<string> {
  const { credentials } = await find(registry, repository);
  return credentials.kind === "basic" ? credentials.username : credentials.kind;
}

describe("the most specific login counts", () => {
  const auths = {
    "reg.example": login("host"),
    "reg.example/team-a": login("team"),
    "reg.example/team-a/tools/": login("tools"),
    "docker.io/acme": login("hub"),
    "https://reg.example/team-b": login("url"),
  };
  test.each([
    ["reg.example", "team-a/x", "team"],
    ["reg.example", "team-a", "team"],
    ["reg.example", "team-a/tools/protoc", "tools"],
    ["reg.example", "team-ab/x", "host"],
    ["reg.example", "team-b/x", "host"],
    ["reg.example", undefined, "host"],
    ["reg.example:5000", "team-a/x", "none"],
    ["sub.reg.example", "team-a/x", "none"],
    ["registry-1.docker.io", "acme/x", "hub"],
    ["registry-1.docker.io", "other/x", "none"],
  ])("%s, %s: %s", async (registry, repository, user) => {
    expect(await userFor(provider({ auths }), registry, repository)).toBe(user);
  });

  test("Docker Desktop's own entries below the key of Docker Hub are no namespaces", async () => {
    const own = { "https://index.docker.io/v1/access-token": login("x"), "https://index.docker.io/v1/": login("hub") };
    expect(await userFor(provider({ auths: own }), "registry-1.docker.io", "v1/access-token")).toBe("hub");
  });
});

test("an entry without a login sends to the helper, with its own key; each key is asked once", async () => {
  const bin = temporaryFolder();
  const asked = join(bin, "asked");
  writeFileSync(
    join(bin, "docker-credential-fake"),
    `#!/bin/sh
read -r server; echo "$server" >> ${asked}
case $server in
  reg.example) echo '{"Username":"host","Secret":"s"}' ;;
  reg.example/team-a) echo '{"Username":"team","Secret":"s"}' ;;
  *) echo "credentials not found in native keychain"; exit 1 ;;
esac
`,
  );
  chmodSync(join(bin, "docker-credential-fake"), 0o755);
  const auths = { "reg.example/team-a": {}, "reg.example/team-b": {} };
  const find = provider({ auths, credsStore: "fake" }, { PATH: `${bin}:${process.env.PATH}` });
  expect(await userFor(find, "reg.example", "team-a/x")).toBe("team");
  expect(await userFor(find, "reg.example", "team-a/y")).toBe("team");
  expect(await userFor(find, "reg.example", "team-b/x")).toBe("host");
  expect(await userFor(find, "reg.example", "other")).toBe("host");
  expect(readFileSync(asked, "utf8").trim().split("\n")).toEqual([
    "reg.example/team-a",
    "reg.example/team-b",
    "reg.example",
  ]);
});
