import type { Command } from "commander";
import type * as v from "valibot";
import { errorCodes, UsageError } from "../../errors.ts";
import { parseDigest } from "../../model/digest.ts";
import type { PlatformString } from "../../model/platform.ts";
import { verifyFile } from "../../verbs/verify.ts";
import type { CheckedSignature, SignatureReport, SignatureRequest } from "../../verbs/verify-signature.ts";
import { pathArgument, platformArgument } from "../arguments.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import type { Part } from "../layout.ts";
import { runCommand } from "../run.ts";
import type { verifySchema } from "../schemas/artifacts.ts";
import type { verifySignatureSchema } from "../schemas/signatures.ts";
import type { Shown } from "../show.ts";

interface Options {
  /** True if the reference stands apart from the option. */
  readonly signature?: string | true;
  readonly key?: readonly string[];
  readonly identity?: readonly string[];
  readonly issuer?: string;
  readonly trustRoot?: string;
  readonly platform?: PlatformString;
}

function collect(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, text];
}

function collectPath(text: string, earlier?: readonly string[]): readonly string[] {
  return collect(pathArgument(text), earlier);
}

function usage(message: string, hint: string): UsageError {
  return new UsageError("USAGE_INVALID", message, { hint });
}

const callForFile = "give a file and a digest, or --signature REF";

/** Options that only signatures have. */
function refuseForFile({ key = [], identity = [], issuer, trustRoot, platform }: Options): void {
  const isGiven = key.length + identity.length > 0 || [issuer, trustRoot, platform].some((one) => one !== undefined);
  if (isGiven) throw usage("these options check a signature, and no --signature is given", "add --signature REF");
}

function requestOf(words: readonly string[], options: Options): SignatureRequest {
  const { key: keys = [], identity = [], issuer, trustRoot, platform } = options;
  const references = typeof options.signature === "string" ? [options.signature, ...words] : words;
  const [reference, ...others] = references;
  if (reference === undefined)
    throw usage("no reference is given", "give the reference of the artifact: --signature REF");
  if (others.length > 0) throw usage("more than one reference is given", "give one reference: --signature REF");
  if (identity.length > 0 && issuer === undefined) {
    throw usage(
      "an identity is given, and no issuer: any issuer could vouch for the identity",
      "add --issuer, such as https://token.actions.githubusercontent.com",
    );
  }
  if (issuer !== undefined && identity.length === 0) {
    throw usage(
      "an issuer is given, and no identity",
      "add --identity: an issuer vouches for everybody with an account",
    );
  }
  if (identity.length > 0 && trustRoot === undefined) {
    throw usage(
      "an identity is given, and no trust root",
      "add --trust-root FILE: the trusted_root.json that `buck2-oras trust-root -o FILE` fetches",
    );
  }
  const identities = identity.map((subject) => ({ subject, issuer: issuer ?? "" }));
  return { reference, platform, keys, identities, trustRoot };
}

/** Undefined: nothing proves who signed. */
function signerOf({ signer }: CheckedSignature): string | undefined {
  if (signer === undefined) return undefined;
  return signer.kind === "key" ? `key ${signer.fingerprint}` : `${signer.subject} (${signer.issuer})`;
}

function rowOf(one: CheckedSignature): readonly string[] {
  const { form, time, counted, reason } = one;
  const fate = counted ? "counts" : "does not count";
  const signer = signerOf(one);
  const known = signer === undefined ? "" : ` (${signer})`;
  return [fate, form, counted ? (signer ?? "") : `${reason ?? ""}${known}`, time ?? "no trusted time"];
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** One line for each policy; with none of them, the user is told how to name a signer. */
function policyLine({ file, prefix, fulfilled }: SignatureReport["policies"][number]): string {
  return `Policy for ${prefix} in ${file}: ${fulfilled ? "fulfilled" : "not fulfilled"}`;
}

function lines(report: SignatureReport, { keys, identities, platform }: SignatureRequest): readonly Part[] {
  const { reference, digest, verified, code, signatures, unread, policies } = report;
  const counted = signatures.filter((one) => one.counted).length;
  const found = `${counted} of ${plural(signatures.length, "signature")} count${counted === 1 ? "s" : ""}`;
  const none = code === "SIGNATURE_MISSING" ? "no signature found" : "none of the signatures counts";
  const isDemanded = keys.length + identities.length + policies.length > 0;
  const isPartly = counted > 0 && code !== undefined;
  const demanded = !isDemanded ? "; name a signer with --key or --identity" : "";
  const isOfPlatform = platform !== undefined && code !== undefined;
  const elsewhere = isOfPlatform ? "; for the signature of the whole index, leave out --platform" : "";
  return [
    `Reference: ${reference}`,
    `Digest: ${digest}`,
    ...(signatures.length === 0 ? [] : [{ rows: signatures.map(rowOf) }]),
    ...(unread === 0 ? [] : [`${plural(unread, "signature")} beyond the limit not read`]),
    ...policies.map(policyLine),
    verified ? `Verified: ${found}` : `Not verified [${code ?? ""}]: ${isPartly ? found : none}${demanded}${elsewhere}`,
  ];
}

function shown(report: SignatureReport, request: SignatureRequest): Shown {
  const json = jsonOf(report) satisfies v.InferOutput<typeof verifySignatureSchema>;
  const { code } = report;
  const result = { text: lines(report, request), json };
  return code === undefined ? result : { ...result, exitCode: errorCodes[code].exit };
}

export function addVerify(program: Command, io: CliIo): Command {
  return program
    .command("verify")
    .summary("check a file against a digest, or who signed an artifact")
    .description(
      "Hashes a file and compares the digests; with --signature, checks that a named key or identity signed an " +
        "artifact (by default, a signer of each policy for the reference). Exit code 65 on a difference, and where no " +
        "signature counts.",
    )
    .argument("[path]", "file to check")
    .argument("[digest]", "sha256:… or the 64 hex digits")
    .option("--signature [ref]", "check the signatures of this artifact; an index's for all its platforms")
    .option("--key <file>", "public key that must have signed (repeatable)", collectPath)
    .option(
      "--identity <subject>",
      "keyless signer that must have signed, with --issuer (repeatable); * is any text without /, ** any text",
      collect,
    )
    .option("--issuer <url>", "issuer that vouches for the identity, exactly or with * and **")
    .option("--trust-root <file>", "trusted_root.json for identities and trusted times", pathArgument)
    .option("--platform <platform>", "check the signatures of this platform's manifest", platformArgument)
    .action(async (path: string | undefined, text: string | undefined, options: Options, command: Command) => {
      const { signature } = options;
      if (signature !== undefined) {
        const words = [path, text].filter((one) => one !== undefined);
        const request = requestOf(words, options);
        return await runCommand(command, io, async ({ services, run }) => {
          const { verifySignatures } = await import("../../verbs/verify-signature.ts");
          return shown(await verifySignatures(request, services, run), request);
        });
      }
      refuseForFile(options);
      if (path === undefined || text === undefined) throw usage("a file and its digest are needed", callForFile);
      const digest = parseDigest(text);
      return await runCommand(command, io, async ({ run }) => {
        await verifyFile(path, digest, run.signal);
        return {
          text: `Verified: ${path} is ${digest}`,
          json: { path, digest, verified: true } satisfies v.InferOutput<typeof verifySchema>,
        };
      });
    });
}
