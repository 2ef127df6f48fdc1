import type { Command } from "commander";
import type * as v from "valibot";
import { ociPlatform, platformFromNode } from "../../model/platform.ts";
import type { CliIo } from "../io.ts";
import { runCommand } from "../run.ts";
import type { platformSchema } from "../schemas/machine.ts";

export function addPlatform(program: Command, io: CliIo): Command {
  return program
    .command("platform")
    .summary("print this machine's platform string")
    .description("Prints this machine's platform string, which `pull` fills in for {platform}.")
    .action(async (_options: object, command: Command) =>
      runCommand(command, io, async ({ services }) => {
        const platform = platformFromNode(services.context.os, services.context.cpu);
        const json = { platform, ...ociPlatform(platform) } satisfies v.InferOutput<typeof platformSchema>;
        return { text: platform, json };
      }),
    );
}
