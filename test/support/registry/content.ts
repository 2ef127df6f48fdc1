/** One small artifact, and a handler that serves it as a registry does. */
import { type Digest, digestOf } from "../../../src/model/digest.ts";
import { mediaTypes } from "../../../src/model/manifest.ts";
import type { Handler } from "./server.ts";

export const blobText = "the bytes of a tool";
export const blobDigest: Digest = digestOf(blobText);
export const blob = { digest: blobDigest, size: Buffer.byteLength(blobText) };
const descriptor = { mediaType: "application/octet-stream", ...blob };
export const manifestText = JSON.stringify({
  schemaVersion: 2,
  mediaType: mediaTypes.ociManifest,
  config: descriptor,
  layers: [descriptor],
});
export const manifestDigest: Digest = digestOf(manifestText);

/** Serves the artifact as `t/tool:1`. */
export const serveArtifact: Handler = ({ url }, response) => {
  if (url === "/v2/t/tool/manifests/1" || url === `/v2/t/tool/manifests/${manifestDigest}`) {
    response.setHeader("content-type", mediaTypes.ociManifest);
    response.end(manifestText);
  } else if (url === `/v2/t/tool/blobs/${blobDigest}`) {
    response.end(blobText);
  } else {
    response.writeHead(404, { "content-type": "application/json" });
    response.end(JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] }));
  }
};
