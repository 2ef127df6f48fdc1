import type { Command } from "commander";
import { variable } from "../../config/environment.ts";
import { UsageError } from "../../errors.ts";
import { limitTo } from "../../parallel.ts";
import type { CliIo } from "../io.ts";
import { readGlobalOptions } from "../options.ts";

const socketVariable = "WORKER_SOCKET";

export function addWorker(program: Command, io: CliIo): Command {
  return program
    .command("worker")
    .summary("serve the pulls of one Buck2 build")
    .description(
      "Serves the `blob` commands of one `buck2 build` in one process, with its connections and tokens. Buck2 starts the " +
        "command as a persistent worker on execution platforms with `use_persistent_workers = True`, and ends it with the build.",
    )
    .action(async (_options: object, command: Command) => {
      const [{ serveWorker }, { answerRequest, writeToRequest }] = await Promise.all([
        import("../../worker/server.ts"),
        import("../worker-requests.ts"),
      ]);
      const { overrides, verbosity } = readGlobalOptions(command);
      const write = (text: string): void => {
        if (!writeToRequest(text)) io.stderr.write(text);
      };
      await io.withServices(overrides, { ...verbosity, showsProgress: false }, write, async (shared) => {
        const { context, settings } = shared.services;
        const socketPath = variable(context, socketVariable);
        if (socketPath === undefined || context.userId === undefined) {
          throw new UsageError("USAGE_INVALID", "`worker` is for Buck2, which names a socket in WORKER_SOCKET", {
            hint: "run `buck2 build` on an execution platform with `use_persistent_workers = True`; on Windows, Buck2 has no workers",
          });
        }
        // The time of a request begins when its work begins.
        const { run } = limitTo(settings.concurrency);
        await serveWorker({ socketPath, userId: context.userId, signal: shared.signal }, (argv, signal) =>
          run(() => answerRequest(argv, signal, io, shared)),
        );
      });
    });
}
