import type { Command } from "commander";
import type * as v from "valibot";
import { type SignResult, sign } from "../../verbs/sign.ts";
import type { CliIo } from "../io.ts";
import { runCommand } from "../run.ts";
import type { signSchema } from "../schemas/published.ts";
import type { Shown } from "../show.ts";
import {
  keyHelp,
  type PasswordOptions,
  passwordFlags,
  passwordHelp,
  readKey,
  signatureJson,
  signatureNotes,
} from "../signing-options.ts";

interface SignOptions extends PasswordOptions {
  readonly key: string;
}

function show({ reference, digest, signature }: SignResult): Shown {
  return {
    text: `${signature.isNew ? "Signed" : "Signed before"}: ${reference}`,
    notes: signatureNotes(signature),
    json: { reference, digest, signature: signatureJson(signature) } satisfies v.InferOutput<typeof signSchema>,
  };
}

export function addSign(program: Command, io: CliIo): Command {
  return program
    .command("sign")
    .summary("sign an artifact with a key")
    .description(
      "Signs the artifact of a reference and stores the signature beside the artifact, where `cosign verify --key` " +
        "finds the signature. An index is signed as a whole. An artifact that the key has signed before stays unchanged.",
    )
    .argument("<ref>", "HOST/REPO@sha256:…, HOST/REPO:TAG, or oci:DIR:TAG; a digest cannot move, unlike a tag")
    .requiredOption("--key <key>", `${keyHelp} (required)`)
    .option(passwordFlags, passwordHelp)
    .action(async (reference: string, options: SignOptions, command: Command) =>
      runCommand(command, io, async (session) =>
        show(
          await sign(
            { reference, readKey: () => readKey(options.key, options, io, session) },
            session.services,
            session.run,
          ),
        ),
      ),
    );
}
