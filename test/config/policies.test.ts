import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { decidingPolicies, formatPolicyPrefix, type Policy, readPolicies } from "../../src/config/policies.ts";
import { parseReference } from "../../src/model/reference.ts";

const key = { key: "keys/acme.pub" };
const identity = { identity: "https://github.com/acme/*", issuer: "https://token.example" };

async function policyFiles(user: readonly object[] | undefined, project: readonly object[] | undefined) {
  const file = async (path: string, policies: readonly object[] | undefined) =>
    policies === undefined ? undefined : { path, config: await parseConfig(JSON.stringify({ policies }), path) };
  return readPolicies(await file("/home/me/config.json", user), await file("/p/buck2-oras.json", project));
}

function hasSigners(policy: Policy): policy is Policy & { readonly signers: NonNullable<Policy["signers"]> } {
  return policy.signers !== undefined;
}

async function deciding(reference: string, user: readonly object[], project?: readonly object[]) {
  const found = decidingPolicies(
    parseReference(reference, undefined).location,
    await policyFiles(user, project),
    hasSigners,
  );
  return found.map(({ file, policy }) => `${file.isOwn ? "user" : "project"} ${formatPolicyPrefix(policy.prefix)}`);
}

test("policies: paths start at the file's folder, and the action is `require`", async () => {
  const files = await policyFiles(
    [{ prefix: "ghcr.io/acme", signers: [key, identity], trustRoot: "root.json" }],
    [{ prefix: "*", action: "warn", signers: [{ key: "/etc/acme.pub" }] }],
  );
  expect(files).toEqual([
    {
      file: "/home/me/config.json",
      isOwn: true,
      policies: [
        {
          prefix: { registry: "ghcr.io", repository: "acme" },
          action: "require",
          signers: [{ key: "/home/me/keys/acme.pub" }, identity],
          trustRoot: "/home/me/root.json",
        },
      ],
    },
    {
      file: "/p/buck2-oras.json",
      isOwn: false,
      policies: [{ prefix: undefined, action: "warn", signers: [{ key: "/etc/acme.pub" }], trustRoot: undefined }],
    },
  ]);
});

describe("policies: the longest prefix of each file decides", () => {
  const policy = (prefix: string) => ({ prefix, signers: [key] });
  test.each<[string, string, string[]]>([
    ["the repository itself", "ghcr.io/acme/tools:1", ["user ghcr.io/acme/tools"]],
    ["a repository below", "ghcr.io/acme/tools/protoc:1", ["user ghcr.io/acme/tools"]],
    ["a name that only begins alike", "ghcr.io/acme/toolsmith:1", ["user ghcr.io/acme"]],
    ["the whole registry", "ghcr.io/other/x:1", ["user ghcr.io"]],
    ["another registry", "quay.io/acme/tools:1", ["user *"]],
    ["a host that only begins alike", "ghcr.io.evil.example/acme/tools:1", ["user *"]],
    ["the same registry by its port", "ghcr.io:443/acme/tools:1", ["user ghcr.io/acme/tools"]],
    ["the same registry in capitals", "GHCR.io/acme/tools:1", ["user ghcr.io/acme/tools"]],
    ["another port", "ghcr.io:8443/acme/tools:1", ["user *"]],
    ["Docker Hub by another name", "index.docker.io/library/x:1", ["user docker.io/library"]],
    ["Docker Hub by its host", "registry-1.docker.io/library/x:1", ["user docker.io/library"]],
    ["Docker Hub by the host of its pages", "registry.hub.docker.com/library/x:1", ["user docker.io/library"]],
    ["Docker Hub by a host that redirects", "registry.docker.io/library/x:1", ["user docker.io/library"]],
    ["Docker Hub by another name and port", "index.docker.io:443/library/x:1", ["user docker.io/library"]],
    ["Docker Hub by http", "docker.io:80/alpine/git:1", ["user docker.io/alpine"]],
    ["an official image by another name", "registry.hub.docker.com/alpine:1", ["user docker.io/alpine"]],
    ["an official image by another name and port", "index.docker.io:443/x:1", ["user docker.io/library"]],
    ["a host that only ends alike", "evil-docker.io/library/x:1", ["user *"]],
    ["an official image of Docker Hub", "docker.io/alpine:1", ["user docker.io/alpine"]],
    ["an official image by its whole name", "docker.io/library/alpine:1", ["user docker.io/alpine"]],
    ["the namespace of that name", "docker.io/alpine/git:1", ["user docker.io/alpine"]],
    ["another official image", "docker.io/alpines:1", ["user docker.io/library"]],
    ["a layout folder", "oci:ghcr.io/acme/tools:1", ["user *"]],
  ])("%s", async (_what, reference, expected) => {
    const prefixes = ["*", "ghcr.io/acme", "ghcr.io", "ghcr.io/acme/tools", "docker.io/library", "docker.io/alpine"];
    const shown = expected.map((one) => one.replace(" docker.io", " registry-1.docker.io"));
    expect(await deciding(reference, prefixes.map(policy))).toEqual(shown);
    // The order in the file plays no part.
    expect(await deciding(reference, prefixes.toReversed().map(policy))).toEqual(shown);
  });

  test("a project adds its own, and replaces none of the user's", async () => {
    const user = [policy("ghcr.io/acme")];
    const weaker = { action: "warn", signers: [{ key: "other.pub" }] };
    for (const prefix of ["ghcr.io/acme", "ghcr.io/acme/tools", "ghcr.io", "*"]) {
      expect(await deciding("ghcr.io/acme/tools:1", user, [{ prefix, ...weaker }])).toEqual([
        "user ghcr.io/acme",
        `project ${prefix}`,
      ]);
    }
  });
});

describe("policies: what is wrong is named with its line", () => {
  const policy = (more: object): string => JSON.stringify({ prefix: "ghcr.io/acme", ...more });
  test.each<[string, string, RegExp]>([
    ["a policy that demands nothing", policy({}), /`policies\.1` must have a demand: `signers`/],
    ["a trust root alone", policy({ trustRoot: "root.json" }), /`policies\.1` must have a demand/],
    ["empty signers", policy({ signers: [] }), /`policies\.1\.signers` must have a signer, since nobody fulfils/],
    ["a signer without anything", policy({ signers: [{}] }), /`policies\.1\.signers\.0` must have "key" alone, or /],
    ["an identity without issuer", policy({ signers: [{ identity: "x" }] }), /must have "key" alone, or /],
    ["a key with an identity", policy({ signers: [{ ...key, ...identity }] }), /must have "key" alone, or /],
    ["an empty key", policy({ signers: [{ key: "" }] }), /`policies\.1\.signers\.0\.key` must be a string that is not/],
    [
      "an identity that everybody has",
      policy({ signers: [{ ...identity, identity: "**" }], trustRoot: "r" }),
      /`policies\.1\.signers\.0\.identity` must be the subject of a certificate, or a pattern that .* not "\*\*"$/,
    ],
    ["an identity without trust root", policy({ signers: [identity] }), /`policies\.1` must have a `trustRoot`/],
    [
      "another level of sources",
      policy({ source: "none" }),
      /`policies\.1\.source` must be "checksum" or "signature" or /,
    ],
    ["33 signers", policy({ signers: Array(33).fill(key) }), /must have 32 signers at most/],
    ["another action", policy({ signers: [key], action: "ignore" }), /must be "require" or "warn", not "ignore"/],
    ["no prefix", JSON.stringify({ signers: [key] }), /`policies\.1\.prefix` is missing: it must be HOST .*, or \*$/],
    ["a tag in the prefix", JSON.stringify({ prefix: "ghcr.io/a:1", signers: [key] }), /must be HOST or/],
    ...["acme", "acme/tools", "nginx", "registry"].map((prefix): [string, string, RegExp] => [
      `a prefix without a host: ${prefix}`,
      JSON.stringify({ prefix, signers: [key] }),
      /`policies\.1\.prefix` must begin with a host that has a dot or a port/,
    ]),
    ["a pattern in the prefix", JSON.stringify({ prefix: "ghcr.io/*", signers: [key] }), /must be HOST or/],
    ["an unknown key", policy({ signer: [key] }), /`policies\.1\.signer` is not a known key; did you mean `signers`/],
  ])("%s", async (_what, text, message) => {
    const parsing = parseConfig(
      `{"policies": [\n{"prefix": "*", "signers": [{"key": "x"}]},\n${text}\n]}`,
      "/p/c.json",
    );
    await expect(parsing).rejects.toMatchObject({ code: "CONFIG_INVALID", exitCode: 78 });
    await expect(parsing).rejects.toThrow(message);
    await expect(parsing).rejects.toThrow(/^\/p\/c\.json:3: /);
  });

  test.each([
    ["ghcr.io/acme", "ghcr.io/acme"],
    ["ghcr.io", "GHCR.io:443"],
    ["docker.io/x", "index.docker.io/x"],
    ["docker.io/x", "registry.hub.docker.com:443/x"],
    ["registry.docker.io/library/x", "registry-1.docker.io/x"],
    ["*", "*"],
  ])("the same prefix twice: %s and %s", async (one, other) => {
    const [first, second] = [one, other].map((prefix) => JSON.stringify({ prefix, signers: [key] }));
    await expect(parseConfig(`{"policies": [\n${first},\n${second}]}`, "/p/c.json")).rejects.toThrow(
      /^\/p\/c\.json:3: `policies\.1` must have another prefix: an earlier policy of this file has the same$/,
    );
  });

  test("not a list", async () => {
    await expect(parseConfig('{"policies": {}}', "/p/c.json")).rejects.toThrow(/`policies` must be a list, not/);
  });
});
