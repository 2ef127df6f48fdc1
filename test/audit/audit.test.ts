/** The audit log: a line per operation, by whoever and however it ended. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { AuditEntry } from "../../src/audit/audit.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { layoutProject, linuxTool, sha256 } from "../support/layout-project.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";

function entriesOf(path: string): AuditEntry[] {
  const lines = readFileSync(path, "utf8").split("\n");
  expect(lines.pop()).toBe("");
  return lines.map((line): AuditEntry => JSON.parse(line));
}

describe("the audit log", () => {
  test("each operation leaves a line: what, who, when, how much, from where, and how it ended", async () => {
    const server = await startServer(serveTool(linuxTool));
    const dir = temporaryFolder();
    const log = join(dir, "logs", "audit.jsonl");
    const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache"), ORAS_PASS: "hunter2", ORAS_USER: "u" };
    const call = (...args: string[]) => oras([...args, "--audit-log", "logs/audit.jsonl"], { cwd: dir, env });
    const reference = `${server.host}/t/tool:1`;
    const digest = sha256(linuxTool);
    const started = Date.now();
    await call("pull", reference);
    await call("pull", reference);
    await call("blob", `${server.host}/t/tool@${digest}`, "--size", String(linuxTool.length), "-o", "tool");
    await call("pull", "oci:nowhere:1");
    await call("info", reference);
    const absent = sha256("absent");
    await call("blob", `oci:nowhere@${absent}`, "--size", "6", "-o", "tool");
    await call("clear-cache");
    await call("platform");
    const entries = entriesOf(log);
    const file = { digest, bytes: linuxTool.length, outcome: "ok" };
    expect(entries).toMatchObject([
      { operation: "pull", reference, ...file, source: "registry" },
      { operation: "pull", reference, ...file, source: "cache" },
      { operation: "blob", ...file, source: "cache" },
      {
        operation: "pull",
        reference: "oci:nowhere:1",
        digest: null,
        bytes: null,
        source: null,
        outcome: "ARTIFACT_NOT_FOUND",
      },
      { operation: "info", reference, source: null, outcome: "ok" },
      { operation: "blob", digest: absent, bytes: null, source: null, outcome: "ARTIFACT_NOT_FOUND" },
      { operation: "clear-cache", reference: join(dir, "cache"), digest: null, outcome: "ok" },
    ]);
    for (const { time, user, durationMs } of entries) {
      expect(Date.parse(time)).toBeGreaterThanOrEqual(started);
      expect(Date.parse(time)).toBeLessThanOrEqual(Date.now());
      expect(user).not.toBe("");
      expect(durationMs).toBeGreaterThanOrEqual(0);
    }
    expect(readFileSync(log, "utf8")).not.toContain("hunter2");
  });

  test("a login that was typed into a reference is in neither log nor message, and neither is longer than it must be", async () => {
    const dir = temporaryFolder();
    const typed = [
      "https://user:hunter2@reg.example/x:1",
      "https://user:hunter2/3@reg.example",
      "user:hunter2@reg.example/x:1",
      "user:hunter2@reg.example",
      `user:hunter2@reg.example/x@${sha256("x")}`,
      `https://reg.example/${"x".repeat(100_000)}`,
    ];
    for (const text of typed) {
      const ran = await oras(["pull", text, "--audit-log", "audit.jsonl", "--verbose"], { cwd: dir });
      expect(ran.exitCode, text.slice(0, 100)).toBe(64);
      expect(ran.stderr).not.toContain("hunter2");
      expect(ran.stderr.length).toBeLessThan(1000);
    }
    const login = ["login", "https://user:hunter2@reg.example", "-u", "user", "--password-stdin"];
    expect((await oras(login, { cwd: dir, input: "x" })).stderr).not.toContain("hunter2");
    const log = readFileSync(join(dir, "audit.jsonl"), "utf8");
    expect(log).not.toContain("hunter2");
    expect(log.length).toBeLessThan(5000);
    expect(entriesOf(join(dir, "audit.jsonl"))[0]?.reference).toBe("https://***@reg.example/x:1");
  });

  test("many processes at once lose no line and mix none", async () => {
    const project = await layoutProject();
    const config = join(temporaryFolder(), "buck2-oras");
    mkdirSync(config);
    writeFileSync(join(config, "config.json"), '{"auditLog": "audit.jsonl"}');
    const env = { XDG_CONFIG_HOME: dirname(config) };
    await Promise.all(Array.from({ length: 30 }, () => project.oras(["list", "oci:layout"], { env })));
    expect(entriesOf(join(config, "audit.jsonl"))).toHaveLength(30);
  });

  test("one that cannot be written is an error, unless there was another one before", async () => {
    const project = await layoutProject();
    const done = await project.oras(["list", "oci:layout", "--audit-log", "layout"]);
    expect(done.exitCode).toBe(74);
    expect(done.stderr).toContain("error[LOCAL_IO]: could not write ");
    const failed = await project.oras(["list", "oci:nowhere", "--audit-log", "layout"]);
    expect(failed.exitCode).toBe(66);
    expect(failed.stderr).toContain("warning: no line in the audit log");
  });
});

test("audit: the page names each operation", () => {
  const root = join(import.meta.dirname, "../..");
  const source = readFileSync(join(root, "src/audit/audit.ts"), "utf8");
  const page = readFileSync(join(root, "docs/configuration.md"), "utf8");
  const section = page.slice(page.indexOf("## Audit log"));
  const operations = [...source.matchAll(/^ {2}\| "([a-z-]+)"/gm)].map(([, name]) => name ?? "");
  expect(operations.length).toBeGreaterThan(15);
  const isNamed = (name: string): boolean => new RegExp(`\`${name}[\` ]`).test(section);
  expect(operations.filter((name) => !isNamed(name))).toEqual([]);
});
