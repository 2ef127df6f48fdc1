/** Faults that a push meets. */
import { createHash } from "node:crypto";
import * as access from "../../support/registry/in-process/faults/access.ts";
import * as network from "../../support/registry/in-process/faults/network.ts";
import {
  after,
  manifestPuts,
  type Selector,
  tokenRequests,
  uploadPuts,
  uploadStarts,
} from "../../support/registry/in-process/faults/selectors.ts";
import { blob, refused, type Scenario, survived } from "./scenario.ts";

const third = Math.floor(blob.length / 3);
const digest = `sha256:${createHash("sha256").update(blob).digest("hex")}`;
const toolPuts: Selector = (request) => uploadPuts(request) && request.url.searchParams.get("digest") === digest;

export const pushes: readonly Scenario[] = [
  survived("push", "no fault", () => []),
  survived("push", "connection cut in mid-PUT, once", () => [network.cutUpload(third, 1)], { maxTransfers: 1.4 }),
  survived("push", "connection cut in mid-PUT, three times", () => [network.cutUpload(third, 3)], {
    maxTransfers: 2.1,
  }),
  survived("push", "answer to the PUT is lost: the blob is there", () => [network.cutBeforeHead(1, toolPuts)]),
  survived("push", "POST is cut off, once", () => [network.cutBeforeHead(1, uploadStarts)]),
  survived("push", "POST is answered 502, once", () => [network.answerStatus(502, 1, undefined, uploadStarts)]),
  survived("push", "503 to the PUT, twice", () => [network.answerStatus(503, 2, undefined, toolPuts)], {
    maxTransfers: 3,
  }),
  survived("push", "429 to the PUT, Retry-After: 1", () => [network.answerStatus(429, 1, "1", toolPuts)], {
    maxTransfers: 2,
  }),
  survived("push", "upload is forgotten (404), once", () => [network.answerStatus(404, 1, undefined, toolPuts)], {
    maxTransfers: 2,
  }),
  survived("push", "upload is at odds (409), once", () => [network.answerStatus(409, 1, undefined, toolPuts)], {
    maxTransfers: 2,
  }),
  survived("push", "PUT of the manifest is cut off, once", () => [network.cutBeforeHead(1, manifestPuts)]),
  survived("push", "503 to the manifest, twice", () => [network.answerStatus(503, 2, undefined, manifestPuts)]),
  survived("push", "each token is good for three requests", () => [access.ownTokens({ path: "/token", uses: 3 })], {
    maxTransfers: 2,
  }),
  survived(
    "push",
    "token service answers 503 to a renewal, twice",
    () => [
      network.answerStatus(503, 2, undefined, after(1, tokenRequests("/token"))),
      access.ownTokens({ path: "/token", uses: 3 }),
    ],
    { maxTransfers: 2 },
  ),
  refused("push", "connection cut in mid-PUT, each time", { exitCode: 69, maxTransfers: 1.8 }, () => [
    network.cutUpload(third, 1000),
  ]),
  refused("push", "PUT is refused (403)", 77, () => [network.answerStatus(403, 1000, undefined, toolPuts)]),
  refused("push", "no upload is ever right (400)", { exitCode: 69, maxTransfers: 3 }, () => [
    network.answerStatus(400, 1000, undefined, toolPuts),
  ]),
  refused("push", "429 to the PUT, Retry-After: 3600 (timeout 20 s)", 75, () => [
    network.answerStatus(429, 1000, "3600", toolPuts),
  ]),
];
