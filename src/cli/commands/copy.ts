import type { Command } from "commander";
import type * as v from "valibot";
import { UsageError } from "../../errors.ts";
import { type CopyResult, copy, copyLock } from "../../verbs/copy.ts";
import { pathArgument } from "../arguments.ts";
import { formatBytes, plural } from "../format.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { runCommand } from "../run.ts";
import type { copySchema } from "../schemas/published.ts";
import type { Shown } from "../show.ts";

interface CopyOptions {
  readonly lock?: string;
  readonly referrers: boolean;
}

function show(result: CopyResult): Shown {
  const json = jsonOf(result) satisfies v.InferOutput<typeof copySchema>;
  const { blobsCopied, blobsMounted, blobsPresent, manifestsCopied, manifestsPresent, bytesSent } = result;
  const both = (blobs: number, manifests: number): string =>
    [blobs > 0 ? plural(blobs, "blob") : "", manifests > 0 ? plural(manifests, "manifest") : ""]
      .filter((text) => text !== "")
      .join(" and ");
  const counts = [
    ...(blobsCopied + manifestsCopied > 0
      ? [`Sent ${both(blobsCopied, manifestsCopied)}, ${formatBytes(bytesSent)}`]
      : ["Sent nothing"]),
    ...(blobsMounted > 0 ? [`mounted ${plural(blobsMounted, "blob")}`] : []),
    ...(blobsPresent + manifestsPresent > 0 ? [`there already: ${both(blobsPresent, manifestsPresent)}`] : []),
  ];
  const text = result.artifacts.map(({ destination, digest }) =>
    destination.includes("@") ? `Copied: ${destination}` : `Copied: ${destination}@${digest}`,
  );
  const replaced = result.artifacts.flatMap((one) =>
    one.replaced === undefined ? [] : [`Replaced: ${one.replaced} (${one.destination})`],
  );
  return { text, notes: [counts.join("; "), ...replaced], json };
}

export function addCopy(program: Command, io: CliIo): Command {
  return program
    .command("copy")
    .summary("copy artifacts between registries and layout folders")
    .description(
      "Copies an artifact with all platforms and referrers, such as signatures. Sends only missing blobs and " +
        "manifests, and the tag last. With --lock, copies every artifact of a lock by digest: `copy --lock FILE " +
        "[FROM] TO`. TO is oci:DIR, or a prefix below which each repository keeps its path. The lock stays valid " +
        "if the configuration names TO as a mirror.",
    )
    .argument("<source>", "HOST/REPO:TAG, HOST/REPO@sha256:…, or oci:DIR:TAG; with --lock oci:DIR or a prefix")
    .argument("[destination]", "HOST/REPO[:TAG] or oci:DIR[:TAG]; with --lock oci:DIR or a prefix")
    .option("--lock <file>", "copy every artifact of this lock", pathArgument)
    .option("--no-referrers", "leave out referrers, such as signatures")
    .action(async (source: string, destination: string | undefined, options: CopyOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const withReferrers = options.referrers;
        if (options.lock !== undefined) {
          const [from, to] = destination === undefined ? [undefined, source] : [source, destination];
          const request = { lockFile: options.lock, source: from, destination: to, withReferrers };
          return show(await copyLock(request, services, run));
        }
        if (destination === undefined) {
          throw new UsageError("USAGE_INVALID", "copy needs a source and a destination", {
            hint: "write `buck2-oras copy SOURCE DESTINATION` or `buck2-oras copy --lock FILE DESTINATION`",
          });
        }
        return show(await copy({ source, destination, withReferrers }, services, run));
      }),
    );
}
