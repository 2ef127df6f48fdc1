/** Policies: any text of a checkout's file is a policy that demands something, or an error; and a project only adds. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import {
  decidingPolicies,
  formatPolicyPrefix,
  type Policy,
  type PolicyFile,
  type PolicySigner,
} from "../../src/config/policies.ts";
import type { Location } from "../../src/model/location.ts";
import { parseRepositoryPrefix } from "../../src/model/repository-prefix.ts";
import { holds, holdsLater, mutated } from "../support/property.ts";

const signer = fc.constantFrom<object>(
  { key: "a.pub" },
  { key: "../b.pub" },
  { identity: "https://forge.example/acme/*", issuer: "https://issuer.example" },
  { identity: "a@b.example", issuer: "**.example" },
);
const prefixes = ["*", "ghcr.io", "ghcr.io/acme", "ghcr.io:443/acme", "reg.lan:5000/a/b", "docker.io/x", "[::1]:5000"];
const policy = fc.record(
  {
    prefix: fc.constantFrom(...prefixes),
    action: fc.constantFrom("require", "warn"),
    signers: fc.array(signer, { maxLength: 3 }),
    trustRoot: fc.constant("root.json"),
  },
  { requiredKeys: ["prefix", "signers", "trustRoot"] },
);
const texts = fc.array(policy, { maxLength: 3 }).map((policies) => JSON.stringify({ policies }));
const pieces = [
  '"',
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "null",
  "0",
  '"*"',
  '"prefix":',
  '"signers":',
  "\\u0000",
  "\n",
  "**",
];

test("properties: any text is policies that demand something, each prefix once, or an error with its line", async () => {
  await holdsLater("policies", mutated(texts, pieces), async (text) => {
    let policies: Awaited<ReturnType<typeof parseConfig>>["policies"];
    try {
      ({ policies } = await parseConfig(text, "/p/c.json"));
    } catch (error) {
      expect(String(error)).toMatch(/\/p\/c\.json:[0-9]+: /);
      throw error;
    }
    if (policies === undefined) return false;
    for (const { prefix, action, trustRoot, ...demands } of policies) {
      const { signers = [{ key: "none" }] } = demands;
      expect(Object.values(demands).filter((one) => one !== undefined).length, `${action} ${prefix}`).toBeGreaterThan(
        0,
      );
      expect(signers.length).toBeGreaterThan(0);
      if (trustRoot === undefined) expect(signers.every((one) => "key" in one)).toBe(true);
      for (const one of signers) expect("key" in one === "identity" in one).toBe(false);
    }
    const names = policies.map(({ prefix }) => formatPolicyPrefix(prefix).replace(/:443(?=\/|$)/, ""));
    expect(new Set(names).size).toBe(names.length);
    return policies.length > 0;
  });
});

const part = fc.constantFrom("a", "ab", "b", "a-b");
const host = fc.constantFrom("x.io", "x.io:443", "x.io:5000", "y.io", "x.io.y.io");
const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const place: fc.Arbitrary<Location> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("registry" as const), registry: host, repository: path }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("layout" as const), path }) },
);
const onePolicy = fc
  .tuple(
    fc.oneof(
      fc.constant("*"),
      host,
      fc.tuple(host, path).map((both) => both.join("/")),
    ),
    fc.boolean(),
  )
  .map(([prefix, hasSigners]): Policy => {
    const signers: readonly PolicySigner[] | undefined = hasSigners ? [{ key: "/k" }] : undefined;
    const parsed = prefix === "*" ? undefined : parseRepositoryPrefix(prefix);
    return {
      prefix: parsed,
      action: "require",
      signers,
      trustRoot: undefined,
      source: undefined,
      minAgeDays: undefined,
      maxAgeDays: undefined,
    };
  });
const fileOf = (isOwn: boolean) =>
  fc
    .uniqueArray(onePolicy, {
      maxLength: 5,
      selector: ({ prefix }) => formatPolicyPrefix(prefix).replace(/:443(?=\/|$)/, ""),
    })
    .map((policies): PolicyFile => ({ file: isOwn ? "user" : "project", isOwn, policies }));

function hasSigners(one: Policy): one is Policy {
  return one.signers !== undefined;
}

/** The rule, said in another way: every parent of the repository, the longest first. */
function expected(location: Location, { policies }: PolicyFile): string | undefined {
  const names = policies.filter(hasSigners).map(({ prefix }) => formatPolicyPrefix(prefix));
  const known = new Map(names.map((name) => [name.replace(/:443(?=\/|$)/, ""), name] as const));
  if (location.kind === "layout") return known.get("*");
  const parts = [location.registry.replace(/:443$/, ""), ...location.repository.split("/")];
  for (let length = parts.length; length > 0; length -= 1) {
    const found = known.get(parts.slice(0, length).join("/"));
    if (found !== undefined) return found;
  }
  return known.get("*");
}

test("properties: in each file the longest prefix decides, and a project takes nothing from the user's demands", () => {
  holds("deciding policies", fc.tuple(place, fileOf(true), fileOf(false)), ([location, user, project]) => {
    const name = (files: readonly PolicyFile[]) =>
      decidingPolicies(location, files, hasSigners).map(
        ({ file, policy: { prefix } }) => `${file.file} ${formatPolicyPrefix(prefix)}`,
      );
    const [own, theirs] = [user, project].map((file) => {
      const found = expected(location, file);
      return found === undefined ? [] : [`${file.file} ${found}`];
    });
    expect(name([user])).toEqual(own);
    expect(name([user, project])).toEqual([...(own ?? []), ...(theirs ?? [])]);
    return (own?.length ?? 0) > 0;
  });
});
