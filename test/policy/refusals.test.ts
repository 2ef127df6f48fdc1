/** Refusals of one command together, so that a person reads all of them at once. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lostSigners } from "../../src/locking/signers.ts";
import { changedSources } from "../../src/locking/sources.ts";
import { digestOf } from "../../src/model/digest.ts";
import { policyDesk as desk } from "../support/policy-desk.ts";
import { keyBundle } from "../support/signed-repository.ts";
import { succeeding } from "../support/succeeding.ts";

const key = { key: "cosign.pub" };

test("policy: changes of signers and sources, and refusals of other tools, are one message; one more call accepts", async () => {
  const { inProject, policies, prefix, manifest, blob, sign, attach, tag, newKey, update, lock } = await desk();
  const other = newKey("other");
  policies([{ prefix, signers: [key, { key: "other.pub" }] }]);
  const annotated = (text: string, source?: string) =>
    manifest({
      layers: [{ ...blob(text, "application/octet-stream"), annotations: {} }],
      ...(source === undefined ? {} : { annotations: { "org.opencontainers.image.source": source } }),
    });
  const first = annotated("#!/bin/sh\n1\n", "https://git.example/a");
  const names = ["a", "b", "c", "d", "e"];
  for (const name of names) tag(name, first);
  sign(first);
  for (const name of names) await succeeding(inProject(["lock", "add", name, `${prefix}/tool:${name}`]));
  const before = readFileSync(lock, "utf8");
  const [moved, unsigned, gone] = [
    annotated("#!/bin/sh\n2\n", "https://git.example/b"),
    annotated("#!/bin/sh\n3\n", "https://git.example/a"),
    annotated("#!/bin/sh\n4\n"),
  ];
  tag("a", moved);
  tag("b", unsigned);
  tag("c", gone);
  const fresh = annotated("#!/bin/sh\n6\n", "https://git.example/a");
  tag("d", fresh);
  sign(moved, other);
  for (const good of [first, fresh]) attach(keyBundle(good.digest), {}, { subject: good });
  attach(keyBundle(gone.digest, other), {}, { subject: gone });
  const refused = await update();
  expect([refused.exitCode, readFileSync(lock, "utf8")]).toEqual([65, before]);
  const [text, hint] = refused.stderr.split("\n").filter((line) => /^error|^ {2}hint/.test(line));
  expect(text).toContain("a, b, c: refused, so nothing is written; a: the lock records that sha256:");
  for (const part of [
    "a: the source that the publisher states has changed: https://git.example/a → https://git.example/b; ",
    `b: ${prefix}/tool:b is not signed as the policy`,
    "c: the lock records that sha256:",
    "c: the source that the publisher states has changed: https://git.example/a → none",
  ]) {
    expect(text).toContain(part);
  }
  expect(hint).toContain("verify --signature");
  expect(refused.stderr).toContain("warning: 1 other tool stays as locked, too; to update it alone, add its name: d\n");
  const [, options = ""] = /add (--accept-.*) to accept the changes$/.exec(hint ?? "") ?? [];
  expect(options.match(/--accept-signer/g)).toHaveLength(1);
  attach(keyBundle(unsigned.digest), {}, { subject: unsigned });
  expect((await update("--dry-run", ...options.split(" ").slice(0, 2))).exitCode).toBe(65);
  const accepted = await update(...options.split(" "));
  expect(accepted.exitCode, accepted.stderr).toBe(0);
  // A single tool of `lock add` has both in one message, too.
  const back = annotated("#!/bin/sh\n5\n", "https://git.example/c");
  tag("a", back);
  attach(keyBundle(back.digest), {}, { subject: back });
  const add = (...more: string[]) => inProject(["lock", "add", "a", `${prefix}/tool:a`, ...more]);
  const one = await add();
  expect(one.stderr).toMatch(
    /^error\[SIGNER_CHANGED\]: a: refused, so nothing is written; the lock records .*; the source /m,
  );
  expect(one.stderr).toMatch(
    /add --accept-signer sha256:\S+ --accept-source https:\/\/git.example\/c to accept the changes/,
  );
  const [, both = ""] = /add (--accept-.*) to accept/.exec(one.stderr) ?? [];
  expect((await add(...both.split(" "))).exitCode).toBe(0);
});

test("policy: both files' demands that are not fulfilled are named together", async () => {
  const { add, policies, prefix, dir } = await desk();
  policies([{ prefix, signers: [{ key: join(dir, "cosign.pub") }] }], "user");
  policies([{ prefix: "*", signers: [key] }]);
  const { stderr } = await add();
  expect(stderr).toMatch(
    /is not signed as the policy for \S+ in \S+config.json demands: .*; and it is not signed as the policy for \*/,
  );
});

// `&` ends a command of cmd within single quotes, `%` is a variable, and a comma of PowerShell makes two arguments.
test.each([
  ["https://git.example/a_b-c.d:1+e=f", true],
  ["https://git.example/&calc&", false],
  ["https://git.example/%COMSPEC:~0,1%&calc", false],
  ["https://git.example/,--accept-signer,none", false],
  ["https://git.example/a?b=c", false],
  ["https://git.example/a#b", false],
  ["https://git.example/~a", false],
])(
  "policy: a hint has the stranger's text %s as a word of a command only if it is one in every shell: %s",
  (text, isWord) => {
    const digest = digestOf("manifest");
    const layer = { digest, size: 1, mediaType: "a/b", title: "tool", format: "raw", contentDigest: digest } as const;
    const platforms = { any: { manifest: digest, repository: "host.example/tool", layers: [layer] } };
    const tool = { reference: "host.example/tool:1", digest, platforms };
    const stated = (source: string) => ({ ...tool, stated: { source } });
    const signed = (identity: string) => ({
      ...tool,
      signatures: [{ digest, identity, issuer: "https://issuer.example" }],
    });
    const word = (placeholder: string): string => (isWord ? text : placeholder);
    for (const [found, option] of [
      [
        changedSources([{ name: "tool", before: stated("https://a"), after: stated(text) }], []),
        `source ${word("SOURCE")}`,
      ],
      [lostSigners([{ name: "tool", before: signed("a@b"), after: signed(text) }], []), `signer ${word("SIGNER")}`],
    ] as const) {
      const [{ message = "", hint = "" } = {}, ...others] = found;
      expect(others).toEqual([]);
      expect(message).toContain(text);
      expect(hint).toBe(
        `find out why; add --accept-${option} to accept the change${isWord ? "" : ", and write what the message names, quoted for your shell"}`,
      );
    }
  },
);
