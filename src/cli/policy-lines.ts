/** Result of `lock check --policy`: which entries fulfil the policies, and why others do not. */
import type * as v from "valibot";
import { errorCodes } from "../errors.ts";
import { noRecordedTime } from "../locking/policy-check.ts";
import type { PolicyFault } from "../locking/policy-fault.ts";
import { type UnboundPolicy, unboundText } from "../locking/unbound.ts";
import type { PolicyReport } from "../verbs/lock-check.ts";
import { plural } from "./format.ts";
import { jsonOf } from "./json.ts";
import type { Part } from "./layout.ts";
import type { lockOnlineSchema, lockPolicySchema } from "./schemas/tools.ts";
import type { Shown } from "./show.ts";

/** Result of `--online`. */
export interface ShownTags extends Shown {
  readonly json: v.InferOutput<typeof lockOnlineSchema>;
}

const heads = ["tool", "verdict", "policy", "why"];

function rowOf({ tool, action, code, reason, file, prefix }: PolicyFault): readonly string[] {
  const demanded = file === undefined ? "-" : `${prefix ?? ""} in ${file}`;
  return [tool, action === "warn" ? "warning" : code, demanded, reason];
}

/** @param tags Result of `--online`; the signatures were verified then. */
export function showPolicies(lock: string, report: PolicyReport, tags: ShownTags | undefined): Shown {
  const { tools, files, faults, unbound, uncovered } = report;
  const failing = faults.filter(({ action }) => action === "require");
  const json = {
    ...jsonOf({ lock, tools, verified: tags !== undefined, files, faults, unbound, uncovered }),
    online: tags === undefined ? null : tags.json,
  } satisfies v.InferOutput<typeof lockPolicySchema>;
  const isUnconfigured = files.length === 0;
  const by = isUnconfigured ? "no policy is configured" : `policies of ${files.join(" and ")}`;
  const how = tags === undefined ? "as recorded" : "verified";
  const outside = uncovered.length === 0 ? "" : `, ${uncovered.length} covered by none (${some(uncovered).join(", ")})`;
  const all = `${plural(tools, "tool")}${outside}`;
  const text: Part[] = faults.length === 0 ? [] : [{ heads, rows: faults.map(rowOf) }];
  if (failing.length === 0 && isUnconfigured)
    text.push(`${lock}: no policy is configured, so ${plural(tools, "tool")} went uncompared`);
  else if (failing.length === 0) text.push(`${lock} fulfils the policies, ${how}: ${all}; ${by}`);
  else {
    const count = new Set(failing.map(({ tool }) => tool)).size;
    text.push(`${lock} does not fulfil the policies, ${how}: ${count} of ${all}; ${by}`);
  }
  const exitCode = failing.length > 0 ? errorCodes.SIGNATURE_REFUSED.exit : tags?.exitCode;
  const shown = {
    text: [...text, ...partsOf(tags?.text)],
    closingNotes: [...stepsFor(faults), ...warningsOf(unbound), ...(tags?.closingNotes ?? [])],
    json,
  };
  return exitCode === undefined ? shown : { ...shown, exitCode };
}

/** Things of one kind that are named in notes; `--json` has all. */
const maxNamed = 5;

function some(texts: readonly string[]): readonly string[] {
  const rest = texts.length - maxNamed;
  return rest > 0 ? [...texts.slice(0, maxNamed), `and ${rest} more; --json shows all`] : texts;
}

function warningsOf(unbound: readonly UnboundPolicy[]): readonly string[] {
  return some(unbound.map((one) => `Warning: ${unboundText(one)}`));
}

/** The next steps for faults of these kinds. */
function stepsFor(faults: readonly PolicyFault[]): readonly string[] {
  const lacksRecord = faults.some(({ code, unsigned }) => unsigned === undefined && code.startsWith("SIGNATURE_"));
  // `lock update` would look at the same signatures, and refuse as well.
  const unsigned = [...new Set(faults.flatMap((one) => (one.unsigned === undefined ? [] : [one.unsigned])))];
  return [
    ...(lacksRecord ? ["Run `buck2-oras lock update` to verify the signatures and record them"] : []),
    ...(unsigned.length === 0
      ? []
      : [
          "Find out who deleted or replaced these signatures, or wrote others into the lock; builds use the locked bytes",
        ]),
    ...some(
      unsigned.map(
        (one) => `If you vouch for it, sign it again: \`buck2-oras sign ${one} --key FILE\`; else lock another version`,
      ),
    ),
    ...(faults.some(({ reason }) => reason === noRecordedTime)
      ? ["Run `buck2-oras lock update` to ask for the times and record them"]
      : []),
    ...(faults.some(({ code }) => code === "SIGNER_CHANGED")
      ? ["Restore the policy, or give up its signers with `buck2-oras lock update NAME --accept-signer none`"]
      : []),
  ];
}

function partsOf(text: Shown["text"] | undefined): readonly Part[] {
  if (text === undefined) return [];
  return typeof text === "string" ? [text] : text;
}
