/** A store in a temporary folder, and things to put into it. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Digest, digestOf } from "../../src/model/digest.ts";
import { openStore } from "../../src/store/file-store.ts";
import type { Store } from "../../src/store/store.ts";
import { noSignal, testContext } from "./context.ts";
import { temporaryFolder } from "./folders.ts";

export const text = "some bytes";
export const digest: Digest = digestOf(text);
export const size: number = text.length;
export const script = "#!/bin/sh\necho hello\n";

export async function* chunksOf(...parts: string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield new TextEncoder().encode(part);
}

export interface TestStore {
  readonly dir: string;
  readonly store: Store;
  /** A store as another process would open it: it remembers nothing of this one. */
  readonly reopened: () => Store;
  readonly pathOf: (digest: Digest) => string;
}

export function testStore(): TestStore {
  const dir = join(temporaryFolder(), "cache");
  const open = (): Store => openStore(dir, false, testContext());
  const pathOf = (of: Digest): string => join(dir, "oras", of.slice(7, 9), of.slice(7));
  return { dir, store: open(), reopened: open, pathOf };
}

export function filesBelow(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

export async function put(store: Store, content = text): Promise<Digest> {
  const of = digestOf(content);
  await store.ingest({ digest: of, size: Buffer.byteLength(content) }, chunksOf(content), noSignal);
  return of;
}
