/** Faults that a pull meets. */
import * as access from "../../support/registry/in-process/faults/access.ts";
import * as network from "../../support/registry/in-process/faults/network.ts";
import {
  after,
  blobReads,
  everything,
  manifestReads,
  tokenRequests,
} from "../../support/registry/in-process/faults/selectors.ts";
import * as vendors from "../../support/registry/in-process/faults/vendors.ts";
import { blob, inSeconds, refused, type Scenario, survived } from "./scenario.ts";

const third = Math.floor(blob.length / 3);

const overTheNetwork: readonly Scenario[] = [
  survived("pull", "no fault", () => []),
  survived("pull", "connection cut in mid-blob, once", () => [network.cutBody(third, 1)]),
  survived("pull", "connection cut in mid-blob, six times", () => [network.cutBody(1_000_000, 6)]),
  survived("pull", "connection cut before the answer, twice", () => [network.cutBeforeHead(2)]),
  survived("pull", "blob ends early, no length stated", () => [network.endEarly(third, 1)]),
  survived("pull", "blob stalls once (idle timeout 2 s)", () => [network.stallBody(third, 1)]),
  survived("pull", "manifest cut in the middle, once", () => [network.cutBody(40, 1, manifestReads)]),
  survived("pull", "503 twice, for the blob", () => [network.answerStatus(503, 2)]),
  survived("pull", "502 three times, for the manifest", () => [network.answerStatus(502, 3, undefined, manifestReads)]),
  survived("pull", "429, Retry-After: 4", () => [network.answerStatus(429, 1, "4")]),
  survived("pull", "503, Retry-After as a date in 4 s", () => [network.answerStatus(503, 1, inSeconds(4))]),
  refused("pull", "429, Retry-After: 3600 (timeout 20 s)", 75, () => [network.answerStatus(429, 1000, "3600")]),
  refused("pull", "connection cut each time", 69, () => [network.cutBody(0, 1000)]),
];

const ranges: readonly Scenario[] = [
  survived(
    "pull",
    "cut, and a Range is answered with 200",
    () => [network.cutBody(third, 1), network.ignoreRange(blob)],
    {
      maxTransfers: 1.4,
    },
  ),
  survived(
    "pull",
    "cut, and a Range is answered with 416",
    () => [network.cutBody(third, 1), network.refuseRange(416)],
    {
      maxTransfers: 1.4,
    },
  ),
  survived(
    "pull",
    "cut, and a Range is answered with 400",
    () => [network.cutBody(third, 1), network.refuseRange(400)],
    {
      maxTransfers: 1.4,
    },
  ),
  survived("pull", "cut, and 206 has another range", () => [network.cutBody(third, 1), network.shiftRange()], {
    maxTransfers: 2.1,
  }),
];

const content: readonly Scenario[] = [
  survived("pull", "no Docker-Content-Digest header", () => [vendors.noDigestHeader()]),
  survived("pull", "404 without OCI's Accept types", () => [vendors.demandAccept()]),
  refused("pull", "blob of other bytes", 65, () => [network.changeBody()]),
  refused("pull", "manifest is a web page, status 200", 65, () => [network.webPage(manifestReads)]),
  refused("pull", "blob is a web page, status 200", 65, () => [network.webPage(blobReads)]),
];

const login = { user: "user", password: "secret" };
const path = "/token";
const tokens = tokenRequests(path);

const accessed: readonly Scenario[] = [
  survived("pull", "redirect to a relative signed address", () => [access.redirectBlobs("")]),
  survived("pull", "login, redirect to storage that refuses a login", ({ storageOrigin }) => [
    access.demandBasic("user", "secret"),
    access.redirectBlobs(storageOrigin),
  ]),
  survived("pull", "token for a login, without a lifetime", () => [access.ownTokens({ path, login })]),
  survived(
    "pull",
    "token for an identity, by POST alone",
    () => [access.ownTokens({ path, refreshToken: "refresh", methods: ["POST"] })],
    { credentials: { identitytoken: "refresh" } },
  ),
  survived("pull", "token runs out before the blob, 401", () => [access.ownTokens({ path, login, uses: 1 })]),
  survived("pull", "token runs out before the blob, 403", () => [
    access.ownTokens({ path, login, uses: 1, staleStatus: 403 }),
  ]),
  survived("pull", "token service answers 503, twice", () => [
    network.answerStatus(503, 2, undefined, tokens),
    access.ownTokens({ path, login }),
  ]),
  survived("pull", "token service breaks off, once", () => [
    network.cutBeforeHead(1, tokens),
    access.ownTokens({ path, login }),
  ]),
  survived("pull", "cut in mid-blob, token runs out, its service answers 503 twice", () => [
    network.cutBody(third, 1),
    network.answerStatus(503, 2, undefined, after(1, tokens)),
    access.ownTokens({ path, login, uses: 2 }),
  ]),
  refused("pull", "login is refused", 77, () => [access.demandBasic("user", "another")]),
  refused("pull", "token service refuses the login", 77, () => [
    access.ownTokens({ path, login: { ...login, password: "another" } }),
  ]),
  refused("pull", "token service is a file", 77, () => [
    access.demandToken({ realm: "file:///etc/passwd", isGood: () => true }),
  ]),
];

const mirrored: readonly Scenario[] = [
  survived("pull", "mirror has it, registry has lost the blob", () => [network.answerStatus(404, 1000)], {
    mirrorFaults: () => [],
  }),
  survived("pull", "mirror answers 503 each time", () => [], {
    mirrorFaults: () => [network.answerStatus(503, 1000, undefined, everything)],
  }),
  survived("pull", "mirror breaks off in mid-blob, each time", () => [], {
    mirrorFaults: () => [network.cutBody(third, 1000)],
  }),
  survived("pull", "mirror has other bytes", () => [], {
    mirrorFaults: () => [network.changeBody()],
    maxTransfers: 2,
  }),
];

export const pulls: readonly Scenario[] = [...overTheNetwork, ...ranges, ...content, ...accessed, ...mirrored];
