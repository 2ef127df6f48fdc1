/** Real cosign, with keys of its own: what it writes is what we must read. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, type TestContext } from "vitest";
import { temporaryFolder } from "./folders.ts";
import { requireProgram } from "./peers.ts";
import { run } from "./run.ts";

export interface Cosign {
  /** Folder with NAME.key and NAME.pub. */
  readonly dir: string;
  readonly generate: (name: string) => Promise<{ readonly key: string; readonly publicKey: string }>;
  /** Signs without any service. @param way `old`: as cosign 1 and 2 did, below the tag `sha256-<hex>.sig` */
  readonly sign: (reference: string, key: string, way?: "old" | "recursive") => Promise<void>;
}

/** Without cosign the test is skipped. */
export function cosign(context: TestContext): Cosign {
  const program = requireProgram(context, "cosign");
  const dir = temporaryFolder();
  const env = { COSIGN_PASSWORD: "", HOME: dir };
  const call = async (args: readonly string[]): Promise<void> => {
    const ran = await run(program, args, { cwd: dir, env });
    expect(ran.exitCode, `cosign ${args.join(" ")}: ${ran.stderr}`).toBe(0);
  };
  const offline = ["--yes", "--use-signing-config=false", "--tlog-upload=false"];
  const ways = { new: [], old: ["--new-bundle-format=false"], recursive: ["--recursive"] } as const;
  return {
    dir,
    generate: async (name) => {
      const [key, publicKey] = [join(dir, `${name}.key`), join(dir, `${name}.pub`)];
      if (!existsSync(key)) await call(["generate-key-pair", "--output-key-prefix", name]);
      return { key, publicKey };
    },
    sign: (reference, key, way) => call(["sign", ...offline, ...ways[way ?? "new"], "--key", key, reference]),
  };
}
