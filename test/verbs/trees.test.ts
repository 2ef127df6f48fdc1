/** Any folder tree, pushed and pulled: the same tree again or a clear refusal, and the same digest each time. */
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { withComposition } from "../../src/compose.ts";
import { readSettings } from "../../src/config/settings.ts";
import { OrasClientError } from "../../src/errors.ts";
import type { PushResult } from "../../src/publish/artifact.ts";
import { pull } from "../../src/verbs/pull.ts";
import { push } from "../../src/verbs/push.ts";
import { treeOf } from "../archive/folders.ts";
import { noConfigFiles, testContext } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";
import { seed } from "../support/property.ts";
import { makeTree, type Tree, tree } from "../support/trees.ts";

const compressors = [{ format: "zstd", level: 1 } as const, { format: "gzip", level: 1 } as const, undefined];

/** What a folder on Linux can have in it and another system cannot, or nobody should unpack. */
const awkward = fc.constantFrom<readonly [what: string, make: (folder: string) => void]>(
  ["nothing", () => {}],
  ["an empty file", (folder) => writeFileSync(join(folder, "e"), "")],
  ["a mode of its own", (folder) => writeFileSync(join(folder, "m"), "x", { mode: 0o600 })],
  [
    "setuid",
    (folder) => {
      writeFileSync(join(folder, "s"), "#!/bin/sh\n");
      chmodSync(join(folder, "s"), 0o4755);
    },
  ],
  [
    "a deep path",
    (folder) => {
      const path = join(folder, ...Array.from({ length: 30 }, () => "deep-folder"), "file");
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, "deep");
    },
  ],
  [
    "two forms of one letter",
    (folder) => {
      writeFileSync(join(folder, "q\u00e9"), "composed");
      writeFileSync(join(folder, "qe\u0301"), "decomposed");
    },
  ],
  [
    "two names that differ in case",
    (folder) => {
      writeFileSync(join(folder, "qq"), "");
      writeFileSync(join(folder, "QQ"), "");
    },
  ],
  ["a name that Windows reserves", (folder) => writeFileSync(join(folder, "nul.txt"), "")],
  ["a link that leads outside", (folder) => symlinkSync("../../outside", join(folder, "out"))],
  [
    "a file larger than a block",
    (folder) => writeFileSync(join(folder, "big"), Buffer.alloc(300_001, "0123456789abc")),
  ],
);

function make(folder: string, content: Tree, [, addAwkward]: readonly [string, (folder: string) => void]): void {
  mkdirSync(folder, { recursive: true });
  makeTree(folder, content);
  addAwkward(folder);
}

/** The mode that an unpacked file has: executables 0755, the rest 0644, whatever they were. */
function normalized(entries: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(entries).map(([path, entry]) => [
      path,
      entry.replace(/^(f|d)([0-7]+)/, (_, kind: string, mode: string) => {
        if (kind === "d") return "d755";
        return (Number.parseInt(mode, 8) & 0o111) === 0 ? "f644" : "f755";
      }),
    ]),
  );
}

test("trees: push and pull give any tree back, or say what cannot be; twice is one digest", async () => {
  const place = temporaryFolder();
  const context = testContext({ cwd: place, homeDir: place });
  const settings = readSettings({ cacheDir: join(place, "cache"), timeoutSeconds: 600 }, context, noConfigFiles);
  const counts = { same: 0, refused: 0 };
  await withComposition(settings, context, undefined, async (deps, signal) => {
    let round = 0;
    const pushed = (path: string, tag: string, compressor: (typeof compressors)[number]): Promise<PushResult> => {
      const own = {
        title: "tool",
        artifactType: undefined,
        readKey: undefined,
        provenance: undefined,
        layerMediaType: undefined,
        annotations: {},
      };
      const items = [{ platform: undefined, path }];
      return push({ reference: `oci:${join(place, "layout")}:${tag}`, items, compressor, ...own }, deps, signal);
    };
    const property = fc.asyncProperty(
      tree,
      awkward,
      fc.constantFrom(...compressors),
      async (content, extra, compressor) => {
        round += 1;
        const folder = join(place, `in-${round}`);
        const out = join(place, `out-${round}`);
        make(folder, content, extra);
        let first: PushResult;
        try {
          first = await pushed(folder, `t${round}`, compressor);
        } catch (error) {
          if (!(error instanceof OrasClientError)) throw error;
          expect(error).toMatchObject({ code: "USAGE_INVALID", hint: expect.any(String) });
          expect(existsSync(join(place, "layout/index.json")) ? readdirSync(place) : []).not.toContain(`out-${round}`);
          counts.refused += 1;
          return;
        }
        make(join(place, `twin-${round}`), content, extra);
        expect((await pushed(join(place, `twin-${round}`), `twin${round}`, compressor)).digest).toBe(first.digest);
        const request = { platform: undefined, digest: undefined, output: out, extract: false };
        await pull({ reference: `oci:${join(place, "layout")}@${first.digest}`, ...request }, deps, signal);
        expect(treeOf(join(out, "tool"))).toEqual(normalized(treeOf(folder)));
        counts.same += 1;
      },
    );
    await fc.assert(property, { numRuns: 150, seed });
  });
  expect(counts.same).toBeGreaterThan(50);
  expect(counts.refused).toBeGreaterThan(10);
});
