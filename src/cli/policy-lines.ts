/** Result of `lock check --policy`: which entries fulfil the policies, and why others do not. */
import type * as v from "valibot";
import { errorCodes } from "../errors.ts";
import type { PolicyFault } from "../locking/policy-check.ts";
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
export function showPolicies(lock: string, { tools, files, faults }: PolicyReport, tags: ShownTags | undefined): Shown {
  const failing = faults.filter(({ action }) => action === "require");
  const json = {
    ...jsonOf({ lock, tools, verified: tags !== undefined, files, faults }),
    online: tags === undefined ? null : tags.json,
  } satisfies v.InferOutput<typeof lockPolicySchema>;
  const isUnconfigured = files.length === 0;
  const by = isUnconfigured ? "no policy is configured" : `policies of ${files.join(" and ")}`;
  const how = tags === undefined ? "as recorded" : "verified";
  const text: Part[] = faults.length === 0 ? [] : [{ heads, rows: faults.map(rowOf) }];
  if (failing.length === 0 && isUnconfigured)
    text.push(`${lock}: no policy is configured, so ${plural(tools, "tool")} went uncompared`);
  else if (failing.length === 0) text.push(`${lock} fulfils the policies, ${how}: ${plural(tools, "tool")}; ${by}`);
  else {
    const count = new Set(failing.map(({ tool }) => tool)).size;
    text.push(`${lock} does not fulfil the policies, ${how}: ${count} of ${plural(tools, "tool")}; ${by}`);
  }
  const exitCode = failing.length > 0 ? errorCodes.SIGNATURE_REFUSED.exit : tags?.exitCode;
  const shown = {
    text: [...text, ...partsOf(tags?.text)],
    closingNotes: [...stepsFor(faults), ...(tags?.closingNotes ?? [])],
    json,
  };
  return exitCode === undefined ? shown : { ...shown, exitCode };
}

/** The next steps for faults of these kinds. */
function stepsFor(faults: readonly PolicyFault[]): readonly string[] {
  const has = (...codes: readonly PolicyFault["code"][]): boolean => faults.some(({ code }) => codes.includes(code));
  return [
    ...(has("SIGNATURE_MISSING", "SIGNATURE_REFUSED")
      ? ["Run `buck2-oras lock update` to verify the signatures and record them"]
      : []),
    ...(has("SIGNER_CHANGED")
      ? ["Restore the policy, or give up its signers with `buck2-oras lock update NAME --accept-signer none`"]
      : []),
  ];
}

function partsOf(text: Shown["text"] | undefined): readonly Part[] {
  if (text === undefined) return [];
  return typeof text === "string" ? [text] : text;
}
