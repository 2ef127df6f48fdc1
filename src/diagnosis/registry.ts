/** Checks of the connection to a registry, and of the registry itself before any request for an artifact. */

import type { RegistryProbe } from "../registry/probe.ts";
import type { Run } from "../transfer/run.ts";
import type { Examination } from "./examination.ts";
import type { DiagnosisServices } from "./services.ts";

const maxSkewMs = 5 * 60 * 1000;
const certificateSoonMs = 14 * 24 * 60 * 60 * 1000;
const connectTimeoutMs = 10_000;

export async function checkConnection(
  probe: RegistryProbe,
  examination: Examination,
  services: DiagnosisServices,
  run: Run,
): Promise<boolean> {
  const proxy = await examination.check("proxy", async () => {
    const host = await probe.proxy();
    return { detail: host ?? "none", value: host };
  });
  const addresses = await examination.check("dns", async () => {
    const found = await probe.addresses();
    return { detail: `${proxy ?? probe.url.hostname} is ${found.slice(0, 4).join(", ")}`, value: found };
  });
  if (addresses === undefined) return false;
  if (proxy !== undefined && probe.url.protocol === "http:") {
    examination.skip("connection", "the proxy makes the connection");
    return true;
  }
  const connection = await examination.check("connection", async () => {
    const made = await probe.connect(connectTimeoutMs, run.signal);
    if (made.tls === undefined) return { detail: "plain http", value: made };
    const { protocol, issuer, validTo } = made.tls;
    const detail = `${protocol}, certificate of ${issuer}, valid to ${validTo.toISOString().slice(0, 10)}`;
    const isOld = validTo.getTime() - services.context.now() < certificateSoonMs;
    const hint = "tell the registry's operator: the certificate expires soon";
    return isOld ? { status: "warning", detail, hint, value: made } : { detail, value: made };
  });
  return connection !== undefined;
}

export async function checkRegistry(
  probe: RegistryProbe,
  examination: Examination,
  services: DiagnosisServices,
  run: Run,
): Promise<boolean> {
  const greeting = await examination.check("registry", async () => {
    const found = await probe.greet(run.signal);
    const wants = found.schemes.length === 0 ? "asks for no login" : `asks for ${found.schemes.join(" or ")}`;
    const detail = `${probe.url.href} answers ${found.status}, ${wants}`;
    if (found.status === 200 || found.status === 401) return { detail, value: found };
    const hint = "check the host and the port: a registry answers 200 or 401 at this URL";
    return { status: "warning", detail, hint, value: found };
  });
  if (greeting === undefined) return false;
  const { date } = greeting;
  if (date === undefined) examination.skip("clock", "the registry's answer has no Date header");
  else {
    await examination.check("clock", () => {
      const skewMs = services.context.now() - date.getTime();
      const detail = `${Math.round(Math.abs(skewMs) / 1000)} s off the registry's clock`;
      const hint = "set this machine's clock: the validity of tokens and certificates depends on the clock";
      return Promise.resolve(Math.abs(skewMs) > maxSkewMs ? { status: "warning", detail, hint } : { detail });
    });
  }
  const kind = await examination.check("credentials", async () => {
    const { foundIn, kind, withheld } = await probe.credentialSource();
    if (withheld !== undefined) return { status: "warning", detail: "none are sent", hint: withheld };
    if (kind !== "none") return { detail: `${kind} from ${foundIn}`, value: kind };
    const isAsked = greeting.schemes.length > 0;
    return { detail: `none found${isAsked ? ": the pull is anonymous" : ""}`, value: kind };
  });
  if (greeting.tokenService === undefined) examination.skip("token", "the registry names no token service");
  else if (kind === "bearer") examination.skip("token", "the configured token is sent unchanged");
  else await checkTokenService(greeting.tokenService, probe, examination, run.signal);
  return true;
}

async function checkTokenService(
  host: string,
  probe: RegistryProbe,
  examination: Examination,
  signal: AbortSignal,
): Promise<void> {
  await examination.check("token", async () => {
    const status = await probe.authenticate(signal);
    if (status === 200) return { detail: `${host} gives a token that the registry takes` };
    const hint = "tell the registry's operator: the registry refuses the token of its own token service";
    return {
      status: "warning",
      detail: `${host} gives a token, and the registry answers ${status} to the token`,
      hint,
    };
  });
}
