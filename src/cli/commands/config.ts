import { join } from "node:path";
import type { Command } from "commander";
import type * as v from "valibot";
import type { Services } from "../../artifact/services.ts";
import { configFileName } from "../../config/file.ts";
import { formatPolicyPrefix, type PolicySigner } from "../../config/policies.ts";
import { findProjectRoot } from "../../config/project-root.ts";
import type { Settings } from "../../config/settings.ts";
import { errorCodes } from "../../errors.ts";
import type { BrokenPolicy } from "../../policy/named-files.ts";
import type { CliIo } from "../io.ts";
import type { Part } from "../layout.ts";
import { runCommand } from "../run.ts";
import type { configSchema } from "../schemas/machine.ts";
import type { Shown } from "../show.ts";

type ConfigJson = v.InferOutput<typeof configSchema>;

interface Looked {
  readonly settings: Settings;
  readonly sharedBecause: string | undefined;
  /** Folder where the search for the project's file begins. */
  readonly root: string;
  readonly faults: readonly BrokenPolicy[];
}

/** Faults of one policy: a file has at most one for each prefix. */
function faultsOf({ faults }: Looked, file: string, prefix: string): readonly BrokenPolicy[] {
  return faults.filter((one) => one.file === file && one.prefix === prefix);
}

/** Signers in the order of the file; keys are absolute paths. */
function formatSigner(signer: PolicySigner): string {
  return "key" in signer ? `key ${signer.key}` : `${signer.identity} (${signer.issuer})`;
}

function formatAges(min: number | null, max: number | null): string {
  return [min === null ? "" : `from ${min}`, max === null ? "" : `to ${max}`].join(" ").trim() || "-";
}

/** Settings with the names and units of the configuration file. */
function asJson(looked: Looked): ConfigJson {
  const { settings, sharedBecause } = looked;
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
        faults: faultsOf(looked, file, formatPolicyPrefix(prefix)).map(({ error }) => error.message),
        owner: isOwn ? ("user" as const) : ("project" as const),
        file,
      })),
    ),
    leftOut: [...settings.leftOut],
    cacheSharedBecause: sharedBecause ?? null,
  };
}

/** The files of a policy that cannot be read are told apart: the policy refuses everything until they are mended. */
function policyTable(looked: Looked): Part {
  const rows = looked.settings.policies.flatMap(({ file, policies }) =>
    policies.map(({ action, signers = [], minAgeDays = null, maxAgeDays = null, source, trustRoot, ...policy }) => {
      const prefix = formatPolicyPrefix(policy.prefix);
      const faults = faultsOf(looked, file, prefix);
      const named = (kind: BrokenPolicy["kind"], path: string): string =>
        `${kind} ${path}${faults.some((one) => one.kind === kind && one.path === path) ? " (unusable)" : ""}`;
      const vouching = [
        ...signers.map((one) => ("key" in one ? named("key", one.key) : formatSigner(one))),
        ...(trustRoot === undefined ? [] : [named("root", trustRoot)]),
      ];
      const signedBy = vouching.length === 0 ? "-" : vouching;
      return [prefix, action, signedBy, formatAges(minAgeDays, maxAgeDays), source ?? "-", file];
    }),
  );
  return { heads: ["policy for", "action", "signers and roots", "age in days", "imports", "source"], rows };
}

function show(looked: Looked): Shown {
  const { settings, sharedBecause, root, faults } = looked;
  const json = asJson(looked);
  const rows = json.settings.map(({ name, value, source }) => {
    const text = Array.isArray(value) ? value.join(", ") : String(value ?? "");
    return [name, text || "-", source];
  });
  const registries = json.registries.map(({ name, prefix, mirrors, source }) => [
    name,
    prefix,
    mirrors.length === 0 ? "-" : mirrors,
    source,
  ]);
  const text: Part[] = [{ rows }];
  if (registries.length > 0) text.push("", { heads: ["name", "prefix", "mirrors", "source"], rows: registries });
  if (json.policies.length > 0) text.push("", policyTable(looked));
  if (json.leftOut.length > 0) {
    const rest = json.leftOut.map(({ key, file, reason }) => [key, file, reason]);
    text.push("", { heads: ["left out", "file", "why"], rows: rest });
  }
  const broken = faults.map(
    ({ prefix, file, error }) => `The policy for ${prefix} in ${file} cannot be applied: ${error.message}`,
  );
  if (broken.length > 0) text.push("", ...broken);
  const notes =
    json.files.length === 0
      ? [
          "no configuration file found; looked for:",
          `  ${join(root, configFileName)}, and in the folders above`,
          `  ${settings.userConfigPath}`,
        ]
      : json.files.map((file) => `File: ${file}`);
  if (sharedBecause !== undefined) notes.push(`Other users could change the cache: ${sharedBecause}`);
  const closingNotes =
    broken.length === 0
      ? []
      : ["Restore these files, or correct the policies: until then, nothing that they cover can be locked"];
  return { text, notes, closingNotes, json, exitCode: broken.length === 0 ? 0 : errorCodes.CONFIG_INVALID.exit };
}

export function addConfig(program: Command, io: CliIo): Command {
  return program
    .command("config")
    .summary("show the effective configuration")
    .description(
      "Shows every setting with its value and source. Sources in order of precedence: option, variable, " +
        "`buck2-oras.json` in the project's root or above, the user's file, default. Keys that a project's file " +
        "may not set are shown as left out. A policy whose key or trust root cannot be read is named (exit code 78).",
    )
    .action(async (_options: object, command: Command) =>
      runCommand(command, io, async ({ services }) => {
        const { settings, store, context } = services;
        const { folder: root } = findProjectRoot(context);
        const sharedBecause = await store.sharedBecause();
        return show({ settings, sharedBecause, root, faults: await policyFaults(services) });
      }),
    );
}

/** Most configurations have no policy, and then need none of the code that reads keys. */
async function policyFaults(services: Services): Promise<readonly BrokenPolicy[]> {
  const { policies } = services.settings;
  if (policies.length === 0) return [];
  const { findBrokenPolicies } = await import("../../policy/named-files.ts");
  return await findBrokenPolicies(policies, services);
}
