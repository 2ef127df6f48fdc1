/**
 * Trusted authorities and client certificates per host: `--ca-file`, `SSL_CERT_FILE`, `NODE_EXTRA_CA_CERTS`, and the
 * folders `certs.d/HOST/` of Docker and Podman with `*.crt` (authorities) and `*.cert` with `*.key` (client
 * certificate).
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { ConfigurationError, isErrno, localIoError } from "../errors.ts";
import { readRegularFile } from "../files/regular-file.ts";
import type { TlsIdentity } from "../http/transport.ts";
import { folderVariable, variable } from "./environment.ts";
import type { Settings } from "./settings.ts";

/** A bundle of all public authorities has about 250 KB. */
const maxPemBytes = 8 * 1024 * 1024;

async function readPem(path: string, what: string): Promise<string> {
  const hint = `point ${what} at a PEM file`;
  let text: string;
  try {
    text = (await readRegularFile(path, maxPemBytes)).bytes.toString("utf8");
  } catch (cause) {
    throw new ConfigurationError("CONFIG_INVALID", `cannot read the certificates in ${path}`, { cause, hint });
  }
  if (text.includes("-----BEGIN ")) return text;
  throw new ConfigurationError("CONFIG_INVALID", `${path} is not a PEM file`, { hint });
}

/** Checks the file early: plain http would never read it. */
export async function checkCaFile(caFile: string): Promise<void> {
  await readPem(caFile, "--ca-file");
}

/** Node's default authorities. */
async function defaultAuthorities(context: Context): Promise<readonly string[]> {
  const tls = await import("node:tls");
  // Node 22.15 and newer; includes the system's authorities if Node is configured to use them.
  const newer = tls as typeof tls & { readonly getCACertificates?: (type: "default") => string[] };
  if (newer.getCACertificates !== undefined) return newer.getCACertificates("default");
  const extra = context.env.NODE_EXTRA_CA_CERTS;
  const file =
    extra === undefined || extra === "" ? undefined : await readRegularFile(extra, maxPemBytes).catch(() => {});
  return [...tls.rootCertificates, ...(file === undefined ? [] : [file.bytes.toString("utf8")])];
}

/** The first folder with certificates for the host. */
async function certificateFolder(
  host: string,
  context: Context,
): Promise<{ dir: string; names: string[] } | undefined> {
  const config = folderVariable(context, "XDG_CONFIG_HOME") ?? join(context.homeDir, ".config");
  const roots = [
    variable(context, "DOCKER_CONFIG") ?? join(context.homeDir, ".docker"),
    join(config, "docker"),
    join(config, "containers"),
    "/etc/docker",
    "/etc/containers",
  ];
  for (const root of roots) {
    const dir = join(root, "certs.d", host);
    try {
      const names = (await readdir(dir)).sort();
      if (names.length > 0) return { dir, names };
    } catch (cause) {
      if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) continue;
      throw localIoError(`read ${dir}`, cause);
    }
  }
  return undefined;
}

/**
 * @param url Its host, with any explicit port, names the folder below `certs.d`.
 * @throws {ConfigurationError} a missing file, a file that is not PEM, or a certificate without its key
 */
export async function tlsIdentityOf(url: URL, settings: Settings, context: Context): Promise<TlsIdentity> {
  const authorities: string[] = [];
  if (settings.caFile !== undefined) authorities.push(await readPem(settings.caFile, "--ca-file"));
  const systemFile = context.env.SSL_CERT_FILE;
  if (systemFile !== undefined && systemFile !== "") authorities.push(await readPem(systemFile, "SSL_CERT_FILE"));
  const folder = await certificateFolder(url.host, context);
  let identity: { readonly cert: string; readonly key: string } | undefined;
  for (const name of folder?.names ?? []) {
    const path = join(folder?.dir ?? "", name);
    if (name.endsWith(".crt")) authorities.push(await readPem(path, "certs.d"));
    if (!name.endsWith(".cert") || identity !== undefined) continue;
    const keyPath = path.replace(/\.cert$/, ".key");
    identity = { cert: await readPem(path, "certs.d"), key: await readPem(keyPath, `${name} in certs.d`) };
  }
  const ca = authorities.length === 0 ? undefined : [...(await defaultAuthorities(context)), ...authorities];
  return { ca, cert: identity?.cert, key: identity?.key };
}
