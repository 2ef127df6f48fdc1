/** A TUF repository of one key per root, which a test publishes step by step, served on loopback. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { createServer } from "node:http";
import { Key, Metadata, MetaFile, Root, Signature, Snapshot, TargetFile, Targets, Timestamp } from "@tufjs/models";
import { whenTestEnds } from "./test-end.ts";

export interface Published {
  /** Of snapshot, timestamp and targets. */
  readonly version: number;
  /** Text of the trusted_root.json; undefined: the repository has none. */
  readonly trustedRoot: string | undefined;
  readonly expires?: Partial<Record<"root" | "targets" | "snapshot" | "timestamp", string>>;
  /** Signs with a key that no root names. */
  readonly byStranger?: boolean;
}

export interface TufRepository {
  readonly url: string;
  readonly stop: () => Promise<void>;
  /** Text of the first root. */
  readonly firstRoot: string;
  /** Files by path below the URL; a test may change them. */
  readonly files: Map<string, string>;
  /** Statuses by path in place of the usual ones. */
  readonly statuses: Map<string, number>;
  /** Paths that were asked for. */
  readonly seen: string[];
  readonly publish: (what: Published) => void;
  /** Publishes the next root, with a new key, signed by both. */
  readonly rotate: (expires?: string) => void;
}

const later = "2126-01-01T00:00:00Z";

interface Signer {
  readonly key: Key;
  readonly privateKey: KeyObject;
}

function newSigner(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = String(publicKey.export({ format: "pem", type: "spki" }));
  const keyID = createHash("sha256").update(pem).digest("hex");
  return {
    key: new Key({ keyID, keyType: "ecdsa", scheme: "ecdsa-sha2-nistp256", keyVal: { public: pem } }),
    privateKey,
  };
}

function signed(of: Root | Targets | Snapshot | Timestamp, ...by: readonly Signer[]): string {
  const metadata = new Metadata(of);
  for (const { key, privateKey } of by)
    metadata.sign((data) => new Signature({ keyID: key.keyID, sig: sign("sha256", data, privateKey).toString("hex") }));
  return JSON.stringify(metadata.toJSON());
}

/** Stopped when the test ends. */
export async function startTufRepository(): Promise<TufRepository> {
  const files = new Map<string, string>();
  const seen: string[] = [];
  const statuses = new Map<string, number>();
  const server = createServer(({ url = "" }, answer) => {
    seen.push(url);
    const text = files.get(url.slice(1));
    const status = statuses.get(url.slice(1)) ?? (text === undefined ? 404 : 200);
    answer.writeHead(status).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  whenTestEnds(() => {
    server.closeAllConnections();
    server.close();
  });
  const bound = server.address();
  const url = `http://127.0.0.1:${typeof bound === "object" && bound !== null ? bound.port : 0}/`;

  let signer = newSigner();
  let rootVersion = 0;
  const putRoot = (expires: string, ...before: readonly Signer[]): void => {
    rootVersion += 1;
    const root = new Root({ version: rootVersion, specVersion: "1.0.31", expires, consistentSnapshot: true });
    for (const role of ["root", "targets", "snapshot", "timestamp"]) root.addKey(signer.key, role);
    files.set(`${rootVersion}.root.json`, signed(root, signer, ...before));
  };
  putRoot(later);
  const firstRoot = files.get("1.root.json") ?? "";
  const publish = ({ version, trustedRoot, expires = {}, byStranger = false }: Published): void => {
    const common = { version, specVersion: "1.0.31" };
    const by = byStranger ? newSigner() : signer;
    const targets = new Targets({ ...common, expires: expires.targets ?? later });
    if (trustedRoot !== undefined) {
      const sha256 = createHash("sha256").update(trustedRoot).digest("hex");
      const length = Buffer.byteLength(trustedRoot);
      targets.addTarget(new TargetFile({ path: "trusted_root.json", length, hashes: { sha256 } }));
      files.set(`targets/${sha256}.trusted_root.json`, trustedRoot);
    }
    files.set(`${version}.targets.json`, signed(targets, by));
    const meta = { "targets.json": new MetaFile({ version }) };
    files.set(
      `${version}.snapshot.json`,
      signed(new Snapshot({ ...common, expires: expires.snapshot ?? later, meta }), by),
    );
    const snapshotMeta = new MetaFile({ version });
    files.set(
      "timestamp.json",
      signed(new Timestamp({ ...common, expires: expires.timestamp ?? later, snapshotMeta }), by),
    );
  };
  const rotate = (expires = later): void => {
    const before = signer;
    signer = newSigner();
    putRoot(expires, before);
  };
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url, firstRoot, files, statuses, seen, publish, rotate, stop };
}
