import { type Command, InvalidArgumentError } from "commander";
import type * as v from "valibot";
import { UsageError } from "../../errors.ts";
import { fetchTrustRoot, type TrustRootRequest, type TrustRootResult } from "../../verbs/trust-root.ts";
import { pathArgument } from "../arguments.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { runCommand } from "../run.ts";
import type { trustRootSchema } from "../schemas/signatures.ts";
import type { Shown } from "../show.ts";

interface Options {
  readonly output: string;
  readonly tuf?: URL;
  readonly root?: string;
}

function urlArgument(text: string): URL {
  if (!URL.canParse(text)) throw new InvalidArgumentError("Expected an address such as https://tuf.example.com.");
  return new URL(text);
}

function requestOf({ output, tuf, root }: Options): TrustRootRequest {
  if (tuf !== undefined && root !== undefined) return { output, repository: { url: tuf, root } };
  if (tuf === undefined && root === undefined) return { output, repository: undefined };
  const [given, missing] = tuf === undefined ? ["--root", "--tuf URL"] : ["--tuf", "--root FILE"];
  throw new UsageError("USAGE_INVALID", `${given} is given without ${missing}`, {
    hint: "give both: the repository of another instance, and its first root.json",
  });
}

function show(result: TrustRootResult): Shown {
  const { file, change, url, version, expires } = result;
  return {
    text: `Trust root: ${file} (${change})`,
    notes: [`From: ${url}, root ${version}, which expires ${expires.slice(0, "2026-01-01".length)}`],
    json: jsonOf(result) satisfies v.InferOutput<typeof trustRootSchema>,
  };
}

export function addTrustRoot(program: Command, io: CliIo): Command {
  return program
    .command("trust-root")
    .summary("fetch the trust root of keyless signatures")
    .description(
      "Fetches the trusted_root.json that checks of keyless signatures need, over TUF: from the public instance of " +
        "Sigstore, or from the repository of --tuf. Checks read the file, and never fetch one themselves. Repeat the " +
        "command when the instance renews its keys; older metadata than before is refused.",
    )
    .requiredOption("-o, --output <file>", "file for the trust root (required)", pathArgument)
    .option("--tuf <url>", "TUF repository of another instance; needs --root", urlArgument)
    .option("--root <file>", "first root.json of that repository, which you trust", pathArgument)
    .action(async (options: Options, command: Command) =>
      runCommand(command, io, async ({ services, run }) =>
        show(await fetchTrustRoot(requestOf(options), services, run)),
      ),
    );
}
