import { join } from "node:path";
import type { Command } from "commander";
import type * as v from "valibot";
import { configFileName } from "../../config/file.ts";
import { formatPolicyPrefix, type PolicySigner } from "../../config/policies.ts";
import { findProjectRoot } from "../../config/project-root.ts";
import type { Settings } from "../../config/settings.ts";
import type { CliIo } from "../io.ts";
import type { Part } from "../layout.ts";
import { runCommand } from "../run.ts";
import type { configSchema } from "../schemas/machine.ts";
import type { Shown } from "../show.ts";

type ConfigJson = v.InferOutput<typeof configSchema>;

/** Signers in the order of the file; keys are absolute paths. */
function formatSigner(signer: PolicySigner): string {
  return "key" in signer ? `key ${signer.key}` : `${signer.identity} (${signer.issuer})`;
}

function formatAges(min: number | null, max: number | null): string {
  return [min === null ? "" : `from ${min}`, max === null ? "" : `to ${max}`].join(" ").trim() || "-";
}

/** Settings with the names and units of the configuration file. */
function asJson(settings: Settings, sharedBecause: string | undefined): ConfigJson {
  const { retention, foundIn } = settings;
  const entry = (name: string, value: string | number | undefined, key = name): ConfigJson["settings"][number] => ({
    name,
    value: value ?? null,
    source: foundIn[key] ?? "default",
  });
  return {
    files: [...settings.configFiles],
    settings: [
      entry("defaultRegistry", settings.registry, "registry"),
      entry("cacheDir", settings.cacheDir),
      entry("retention.olderThanDays", retention.olderThanDays),
      entry("retention.maxSize", retention.maxSizeBytes),
      entry("timeouts.totalSeconds", settings.timeoutMs / 1000),
      entry("timeouts.connectSeconds", settings.connectTimeoutMs / 1000),
      entry("timeouts.idleSeconds", settings.idleTimeoutMs / 1000),
      entry("concurrency", settings.concurrency),
      entry("auditLog", settings.auditLog),
      { ...entry("plainHttpHosts", undefined), value: [...settings.plainHttpHosts] },
      { ...entry("httpsHosts", undefined), value: [...settings.httpsHosts] },
      { ...entry("plainHttpHosts.withoutLogin", undefined), value: [...settings.anonymousHttpHosts] },
      entry("caFile", settings.caFile),
      entry("externalCli", settings.externalCli),
    ],
    registries: [...settings.registries].map(([name, { prefix, mirrors, foundIn }]) => ({
      name,
      prefix: formatPolicyPrefix(prefix),
      mirrors: mirrors.map(formatPolicyPrefix),
      source: foundIn,
    })),
    policies: settings.policies.flatMap(({ file, isOwn, policies }) =>
      policies.map(({ prefix, action, signers, minAgeDays, maxAgeDays, source, trustRoot }) => ({
        prefix: formatPolicyPrefix(prefix),
        action,
        signers: signers?.map(formatSigner) ?? null,
        minAgeDays: minAgeDays ?? null,
        maxAgeDays: maxAgeDays ?? null,
        source: source ?? null,
        trustRoot: trustRoot ?? null,
        owner: isOwn ? ("user" as const) : ("project" as const),
        file,
      })),
    ),
    leftOut: [...settings.leftOut],
    cacheSharedBecause: sharedBecause ?? null,
  };
}

interface Looked {
  readonly settings: Settings;
  readonly sharedBecause: string | undefined;
  /** Folder where the search for the project's file begins. */
  readonly root: string;
}

function show({ settings, sharedBecause, root }: Looked): Shown {
  const json = asJson(settings, sharedBecause);
  const rows = json.settings.map(({ name, value, source }) => {
    const text = Array.isArray(value) ? value.join(", ") : String(value ?? "");
    return [name, text || "-", source];
  });
  const registries = json.registries.map(({ name, prefix, mirrors, source }) => [
    name,
    prefix,
    mirrors.join(", ") || "-",
    source,
  ]);
  const text: Part[] = [{ rows }];
  if (registries.length > 0) text.push("", { rows: [["name", "prefix", "mirrors", "source"], ...registries] });
  if (json.policies.length > 0) {
    const policies = json.policies.flatMap(({ prefix, action, signers, minAgeDays, maxAgeDays, source, file }) => {
      const [first = "-", ...others] = signers ?? [];
      const ages = formatAges(minAgeDays, maxAgeDays);
      // A line for each signer: an address of a workflow fills a terminal alone.
      return [[prefix, action, first, ages, source ?? "-", file], ...others.map((one) => ["", "", one, "", "", ""])];
    });
    text.push("", { rows: [["policy for", "action", "signers", "age in days", "imports", "source"], ...policies] });
  }
  if (json.leftOut.length > 0) {
    const rest = json.leftOut.map(({ key, file, reason }) => [key, file, reason]);
    text.push("", { rows: [["left out", "file", "why"], ...rest] });
  }
  const notes =
    json.files.length === 0
      ? [
          "no configuration file found; looked for:",
          `  ${join(root, configFileName)}, and in the folders above`,
          `  ${settings.userConfigPath}`,
        ]
      : json.files.map((file) => `File: ${file}`);
  if (sharedBecause !== undefined) notes.push(`Other users could change the cache: ${sharedBecause}`);
  return { text, notes, json };
}

export function addConfig(program: Command, io: CliIo): Command {
  return program
    .command("config")
    .summary("show the effective configuration")
    .description(
      "Shows every setting with its value and source. Sources in order of precedence: option, variable, " +
        "`buck2-oras.json` in the project's root or above, the user's file, default. Keys that a project's file " +
        "may not set are shown as left out.",
    )
    .action(async (_options: object, command: Command) =>
      runCommand(command, io, async ({ services: { settings, store, context } }) => {
        const { folder: root } = findProjectRoot(context);
        return show({ settings, sharedBecause: await store.sharedBecause(), root });
      }),
    );
}
