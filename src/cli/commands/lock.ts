import { type Command, Option } from "commander";
import type * as v from "valibot";
import { errorCodes, UsageError } from "../../errors.ts";
import { lockFileName } from "../../lockfile/name.ts";
import type { Accepted } from "../../locking/accepted.ts";
import { findLockFile } from "../../locking/find.ts";
import type { LockChange } from "../../locking/lock-change.ts";
import type { LockedTag } from "../../locking/online.ts";
import { lockAdd, lockUpdate } from "../../verbs/lock.ts";
import { lockCheck, lockCheckOnline, lockCheckPolicies } from "../../verbs/lock-check.ts";
import { lockedNames } from "../../verbs/lock-list.ts";
import { addAgeOptions, ageOptions, type GivenAges } from "../age-options.ts";
import { collected } from "../arguments.ts";
import { linesForBuck } from "../buck-lines.ts";
import { plural } from "../format.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { code, type Part } from "../layout.ts";
import { changeLines, shortDigest } from "../lock-changes.ts";
import { changesAsMarkdown } from "../lock-markdown.ts";
import { lockOption } from "../lock-option.ts";
import { readGlobalOptions } from "../options.ts";
import { type ShownTags, showPolicies } from "../policy-lines.ts";
import { addRecordedOptions, type RecordedOptions, recordedOptions } from "../recorded-options.ts";
import { runCommand } from "../run.ts";
import type { lockCheckSchema, lockOnlineSchema, lockSchema } from "../schemas/tools.ts";
import type { Shown } from "../show.ts";
import { addLockExport } from "./lock-export.ts";
import { addLockList, addLockRemove } from "./lock-list.ts";

interface LockOptions {
  readonly lock?: string;
}

interface AcceptOptions {
  readonly acceptSigner?: readonly string[];
  readonly acceptSource?: readonly string[];
}

const acceptSignerOption = [
  "--accept-signer <signer>",
  "accept a signer other than the recorded one: sha256:… of a key, an identity, or none (repeatable)",
] as const;

const acceptSourceOption = [
  "--accept-source <source>",
  "accept a source other than the recorded one: its address, or none; or a weaker source check (repeatable)",
] as const;

function acceptedBy({ acceptSigner = [], acceptSource = [] }: AcceptOptions): Accepted {
  return { acceptedSigners: acceptSigner, acceptedSources: acceptSource };
}

interface UpdateOptions extends LockOptions, AcceptOptions, GivenAges {
  readonly only?: readonly string[];
  readonly dryRun?: boolean;
  readonly format: ChangeFormat;
}

interface AddOptions extends LockOptions, AcceptOptions, GivenAges, RecordedOptions {}

const changeFormats = ["text", "markdown"] as const;
type ChangeFormat = (typeof changeFormats)[number];

interface ChangedLock {
  readonly lock: string;
  readonly isDryRun: boolean;
  readonly format: ChangeFormat;
  readonly changes: readonly LockChange[];
}

function show({ lock, isDryRun, format, changes }: ChangedLock, furtherNotes: readonly Part[] = []): Shown {
  const json = jsonOf({ lock, dryRun: isDryRun, tools: changes }) satisfies v.InferOutput<typeof lockSchema>;
  const closingNotes = isDryRun ? ["Nothing is written (--dry-run)"] : furtherNotes;
  const now = Date.now();
  const text = format === "markdown" ? [code(...changesAsMarkdown(changes, now))] : changeLines(changes, now);
  return { text, notes: [`Lock: ${lock}`], closingNotes, json };
}

function showTags(lock: string, tags: readonly LockedTag[]): ShownTags {
  const moved = tags.filter(({ locked, current }) => locked !== current);
  const json = jsonOf({ lock, tools: new Set(tags.map(({ tool }) => tool)).size, moved }) satisfies v.InferOutput<
    typeof lockOnlineSchema
  >;
  if (moved.length === 0)
    return {
      text: `${lock} is up to date: ${plural(tags.length, "tag")} checked`,
      json,
    };
  const rows = moved.map(({ tool, reference, locked, current }) => [
    tool,
    reference,
    `${shortDigest(locked)} → ${current === undefined ? "gone" : shortDigest(current)}`,
  ]);
  const isGone = moved.some(({ current }) => current === undefined);
  const isMoved = moved.some(({ current }) => current !== undefined);
  const notes = [
    ...(isMoved
      ? ["Run `buck2-oras lock update` to record the current digests; until then, builds use the locked digests"]
      : []),
    ...(isGone ? ["Push a tag that is gone again, or lock the tool under another tag"] : []),
  ];
  return { text: [{ rows }], closingNotes: notes, json, exitCode: errorCodes.LOCK_OUTDATED.exit };
}

interface CheckOptions extends LockOptions {
  readonly online?: boolean;
  readonly policy?: boolean;
}

export function addLock(program: Command, io: CliIo): readonly Command[] {
  const lock = program
    .command("lock")
    .summary(`maintain ${lockFileName}`)
    .description(
      `Maintains ${lockFileName}, which pins the bytes of each tool per platform. The rules build only from this file.`,
    );
  const add = lock
    .command("add")
    .summary("lock a tool under a name")
    .description("Resolves a reference for all its platforms, and records the digests under a name.")
    .argument("<name>", "name of the tool in the lock")
    .argument("<ref>", "HOST/REPO:TAG, a template such as HOST/REPO:25.1-{platform}, or oci:DIR:TAG")
    .option(...lockOption)
    .option(...acceptSignerOption, collected)
    .option(...acceptSourceOption, collected)
    .action(async (name: string, reference: string, asked: AddOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const file = asked.lock ?? findLockFile(services);
        const isFirst = (await lockedNames(file)).length === 0;
        const recorded = { file, name, reference, options: recordedOptions(asked) };
        const request = { ...recorded, ...acceptedBy(asked), ages: ageOptions(asked) };
        const change = await lockAdd(request, services, run);
        const furtherNotes = isFirst ? await linesForBuck(change, file, services) : [];
        return show({ lock: file, isDryRun: false, format: "text", changes: [change] }, furtherNotes);
      }),
    );
  addAgeOptions(addRecordedOptions(add), "refuse a version that is younger");
  const update = lock
    .command("update")
    .summary("resolve the references again")
    .description("Resolves the references again, records the digests, and prints the changes.")
    .argument("[name...]", "tools to update (default: all)")
    .option(...lockOption)
    .option(...acceptSignerOption, collected)
    .option(...acceptSourceOption, collected)
    .option("--only <name>", "update this tool alone, like a name as an argument (repeatable)", collected)
    .option("--dry-run", "show what would change, and write no lock")
    .addOption(
      new Option("--format <format>", "form of the changes: markdown for a pull request")
        .choices([...changeFormats])
        .default("text"),
    )
    .action(async (names: string[], options: UpdateOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const file = options.lock ?? findLockFile(services);
        const { dryRun: isDryRun = false, format, only = [] } = options;
        if (format === "markdown" && readGlobalOptions(command).isJson) {
          throw new UsageError("USAGE_INVALID", "--json and --format markdown exclude each other", {
            hint: "leave out one of them",
          });
        }
        const request = {
          file,
          names: [...names, ...only],
          isDryRun,
          ...acceptedBy(options),
          ages: ageOptions(options),
        };
        const changes = await lockUpdate(request, services, run);
        return show({ lock: file, isDryRun, format, changes });
      }),
    );
  addAgeOptions(update, "leave a younger version for the next run");
  const check = lock
    .command("check")
    .summary("check the lock, its tags and the policies")
    .description(
      "Checks that the lock is valid, is in its canonical form, and names only repositories of its references. " +
        "Contacts a registry only with --online, which lists the tags that now mean another digest (exit code 78 " +
        "if any) and compares the locked layers with the manifests. --policy checks that each entry fulfils the " +
        "policies of today (exit code 65 if not) by what the lock records. Whoever may change the lock may write such " +
        "records: for the changes of strangers, add --online, which verifies the signatures themselves, and asks for the times.",
    )
    .option(...lockOption)
    .option("--online", "also look up the tags and manifests; with --policy, the signatures and times")
    .option("--policy", "check each entry against the policies of the configuration")
    .action(async (options: CheckOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const file = options.lock ?? findLockFile(services);
        const { online = false, policy = false } = options;
        if (policy) {
          const tags = online ? await lockCheckOnline(file, services, run) : undefined;
          const report = await lockCheckPolicies({ file, isOnline: online }, services, run);
          return showPolicies(file, report, tags === undefined ? undefined : showTags(file, tags));
        }
        if (online) return showTags(file, await lockCheckOnline(file, services, run));
        const tools = Object.keys((await lockCheck(file, services)).tools).length;
        const json = { lock: file, tools } satisfies v.InferOutput<typeof lockCheckSchema>;
        return { text: `${file} is well-formed: ${plural(tools, "tool")}`, json };
      }),
    );
  return [lock, add, addLockList(lock, io), addLockRemove(lock, io), addLockExport(lock, io), update, check];
}
