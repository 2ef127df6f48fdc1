/** A registry with one tool. */
import { mediaTypes } from "../../../src/model/manifest.ts";
import { sha256 } from "../layout-project.ts";
import type { Handler } from "./server.ts";

/** Serves one file as `t/tool:1`, the blob by `sendBlob` if it is given. */
export function serveTool(content: string | Buffer, sendBlob?: Handler): Handler {
  const layer = { mediaType: "application/octet-stream", digest: sha256(content), size: Buffer.byteLength(content) };
  const annotations = { "org.opencontainers.image.title": "tool" };
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: layer,
    layers: [{ ...layer, annotations }],
  });
  return (request, response, server) => {
    if (request.url.includes("/manifests/")) {
      response.setHeader("content-type", mediaTypes.ociManifest);
      response.end(manifest);
    } else if (sendBlob === undefined) {
      response.end(content);
    } else {
      sendBlob(request, response, server);
    }
  };
}
