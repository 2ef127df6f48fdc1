/** A folder of the user's with things in it, beside a layout whose publisher said what he liked of its layers. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { oras } from "./executable.ts";
import { temporaryFolder } from "./folders.ts";
import { sha256 } from "./layout-project.ts";

export interface LayerOf {
  readonly title: string;
  readonly body: string | Buffer;
  /** Pushed as `oras push` pushes a folder. */
  readonly isFolder?: boolean;
}

/** Makes a layout of one artifact with these layers, whatever a publisher's own program would say of them. */
function publish(dir: string, layers: readonly LayerOf[]): void {
  const blobs = join(dir, "layout/blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const write = (bytes: string | Buffer): { digest: string; size: number } => {
    const digest = sha256(bytes);
    writeFileSync(join(blobs, digest.slice("sha256:".length)), bytes);
    return { digest, size: Buffer.byteLength(bytes) };
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.empty.v1+json", ...write("{}") },
    layers: layers.map(({ title, body, isFolder }) => ({
      mediaType: "application/octet-stream",
      ...write(body),
      annotations: {
        "org.opencontainers.image.title": title,
        ...(isFolder ? { "io.deis.oras.content.unpack": "true" } : {}),
      },
    })),
  };
  const annotations = { "org.opencontainers.image.ref.name": "1" };
  const named = { mediaType: manifest.mediaType, ...write(JSON.stringify(manifest)), annotations };
  writeFileSync(join(dir, "layout/index.json"), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
  writeFileSync(join(dir, "layout/oci-layout"), '{"imageLayoutVersion": "1.0.0"}');
}

export function publishedProject(layers: readonly LayerOf[]): {
  dir: string;
  pull: (...more: string[]) => ReturnType<typeof oras>;
} {
  const dir = temporaryFolder();
  publish(dir, layers);
  mkdirSync(join(dir, "home/.git/hooks"), { recursive: true });
  const args = ["pull", "oci:../layout:1", "--cache-dir", "../cache"];
  return { dir, pull: (...more) => oras([...args, ...more], { cwd: join(dir, "home") }) };
}
