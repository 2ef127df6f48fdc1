/** One locked blob with an empty store: small, large, and behind a link with round trips. Whole processes. */
import { join } from "node:path";
import { emptyFolder, emptyStore } from "../harness/bench.mjs";
import { find } from "../support.mjs";

/** `oras pull`, `crane blob` and `skopeo copy` of a blob's artifact. */
export function peersOf(bench, host, { reference, repository, digest }, suffix = "") {
  const folder = (name) => join(bench.work, `out-${name}`);
  const clean = (name) => ({ prepare: () => emptyFolder(folder(name)) });
  const crane = find("crane");
  return {
    [`oras${suffix}`]: bench.peer(
      "oras",
      ["pull", "--plain-http", `${host}/${reference}`, "-o", folder("oras")],
      clean("oras"),
    ),
    // crane writes to standard output; a shell puts it into a file as a person would.
    [`crane${suffix}`]:
      crane === undefined
        ? { missing: "crane" }
        : bench.peer(
            "sh",
            [
              "-c",
              `exec "$0" blob "$1" > "$2"`,
              crane,
              `${host}/${repository}@${digest}`,
              join(folder("crane"), "blob"),
            ],
            clean("crane"),
          ),
    [`skopeo${suffix}`]: bench.peer(
      "skopeo",
      ["copy", "--src-tls-verify=false", `docker://${host}/${reference}`, `dir:${join(folder("skopeo"), "dir")}`],
      clean("skopeo"),
    ),
  };
}

/** Our `blob`, as a build calls it, with an empty store. */
export function coldBlob(bench, kind, host, { repository, digest, size }) {
  const cacheDir = join(bench.work, `cache-${kind}`);
  const out = join(bench.work, `out-${kind}`);
  return bench.ours(
    kind,
    ["blob", `${host}/${repository}@${digest}`, `--size=${size}`, `--output=${join(out, "file")}`],
    {
      env: { BUCK2_ORAS_CACHE_DIR: cacheDir },
      prepare: () => {
        emptyStore(cacheDir);
        emptyFolder(out);
      },
    },
  );
}

/** The same blob by the least that Node needs. */
function leastOf(bench, host, { repository, digest }) {
  return bench.least(`http://${host}/v2/${repository}/blobs/${digest}`, digest);
}

async function cold(bench, sizeBytes, kinds) {
  const { host } = await bench.registries.open();
  const blob = await bench.publications.random(sizeBytes);
  const { oras } = peersOf(bench, host, blob);
  const ours = Object.fromEntries(kinds.map((kind) => [kind, coldBlob(bench, kind, host, blob)]));
  return { ...ours, oras, least: leastOf(bench, host, blob) };
}

const roundTrip = { roundTripMs: 20 };

export const families = [
  {
    name: "blob-10mb",
    title: "cold locked `blob` of 10 MB, loopback",
    rounds: 12,
    seconds: 30,
    contenders: (bench) => cold(bench, 10_000_000, ["node24", "standalone", "node"]),
    targets: [
      { what: "cold locked `blob` 10 MB, Node 24", ours: "node24", against: ["oras"], least: "least", atMost: 2.3 },
      {
        what: "cold locked `blob` 10 MB, standalone",
        ours: "standalone",
        against: ["oras"],
        least: "least",
        atMost: 2,
      },
    ],
  },
  {
    name: "blob-50mb",
    title: "cold locked `blob` of 50 MB, loopback",
    rounds: 10,
    seconds: 25,
    contenders: (bench) => cold(bench, 50_000_000, ["node24", "standalone"]),
    targets: [
      { what: "cold locked `blob` 50 MB, Node 24", ours: "node24", against: ["oras"], least: "least", atMost: 1.2 },
    ],
  },
  {
    name: "blob-1gb",
    title: "cold locked `blob` of 1 GB, loopback",
    rounds: 4,
    seconds: 45,
    contenders: (bench) => cold(bench, 1_000_000_000, ["node24"]),
    targets: [
      { what: "cold locked `blob` 1 GB, Node 24", ours: "node24", against: ["oras"], least: "least", atMost: 1.2 },
    ],
  },
  ...[false, true].map((hasTokens) => ({
    name: hasTokens ? "latency-tokens" : "latency",
    title: `cold locked \`blob\` of 10 MB, round trips of 20 ms, ${hasTokens ? "with" : "without"} tokens`,
    rounds: 8,
    seconds: 30,
    contenders: async (bench) => {
      const { host } = hasTokens
        ? await bench.registries.withTokens(roundTrip)
        : await bench.registries.openBehind(roundTrip);
      const blob = await bench.publications.random(10_000_000);
      return {
        node24: coldBlob(bench, "node24", host, blob),
        standalone: coldBlob(bench, "standalone", host, blob),
        ...peersOf(bench, host, blob),
        ...(hasTokens ? {} : { least: leastOf(bench, host, blob) }),
      };
    },
    targets: ["standalone", "node24"].map((kind) => ({
      what: `cold 10 MB, 20 ms round trips, ${hasTokens ? "tokens" : "no tokens"}, ${kind === "node24" ? "Node 24" : kind}`,
      ours: kind,
      against: ["oras", "crane", "skopeo"],
      least: "least",
      atMost: kind === "node24" ? 1.2 : 0.9,
    })),
  })),
];
