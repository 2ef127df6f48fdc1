/** Errors for a registry's refusal, from its status and its bounded, untrusted body. */
import { ArtifactNotFoundError, type OrasClientError, RegistryAuthError, RegistryUnavailableError } from "../errors.ts";
import type { HttpResponse } from "../http/response.ts";
import { tlsHint } from "../http/tls-failure.ts";
import type { Credentials } from "../model/credentials.ts";
import { reasonOf } from "./reason.ts";
import { authenticationHint } from "./token.ts";

/** The request, and the credentials that it carried. */
export interface Asked {
  /** Names the requested thing in messages, such as `ghcr.io/acme/protoc:33.0`. */
  readonly what: string;
  readonly registry: string;
  /** Credentials of the request, for the hint. */
  readonly credentials: Credentials;
  /** Secrets to redact in the registry's message. */
  readonly shown: Iterable<string>;
  /** The credentials stayed here: the 401 had no challenge that they answer. */
  readonly isUnsent?: boolean;
}

const refusalHints: ReadonlyMap<number, string> = new Map([
  [405, "check whether the registry is read-only or in maintenance: it does not allow this method"],
  [413, "raise the limit of uploads at the registry, or at the proxy before it (nginx: client_max_body_size)"],
]);

export async function responseError(response: HttpResponse, asked: Asked): Promise<OrasClientError> {
  const { what, credentials, registry, shown, isUnsent = false } = asked;
  const cause = await reasonOf(response, "the registry", shown);
  const { status, url } = response;
  switch (status) {
    case 401:
      return new RegistryAuthError("REGISTRY_UNAUTHORIZED", `authentication required for ${what}`, {
        cause,
        hint: isUnsent
          ? `tell the operator of ${registry}: its 401 has no Basic or Bearer challenge that fits the login, so no login was sent`
          : `${authenticationHint(credentials, registry)}; a private repository that does not exist looks the same`,
      });
    case 403:
      return new RegistryAuthError("REGISTRY_FORBIDDEN", `authentication is not enough for ${what}: access denied`, {
        cause,
        hint: `${authenticationHint(credentials, registry)}; a private repository that does not exist looks the same`,
      });
    case 404:
      return new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `not found: ${what}`, {
        cause,
        hint: `${spellingHint(what)}; a private repository may need a login to be seen`,
      });
    case 429:
      return new RegistryUnavailableError(
        "REGISTRY_RATE_LIMITED",
        `${url.host} limits the rate of requests (429) for ${what}`,
        {
          cause,
          hint: "try again later, or log in; a login often raises the limit",
        },
      );
    default:
      if (status >= 500) {
        return new RegistryUnavailableError("REGISTRY_UNAVAILABLE", `${url.host} answered ${status} for ${what}`, {
          cause,
          hint: "try again later: the registry has a problem",
        });
      }
      return new RegistryUnavailableError("REGISTRY_REFUSED", `${url.host} answered ${status} for ${what}`, {
        cause,
        hint: isAskedForTls(status, url, cause)
          ? tlsHint
          : (refusalHints.get(status) ?? "run with --verbose to see the refused request"),
      });
  }
}

/** True for the answer of common servers to a request without TLS at a port with TLS. */
function isAskedForTls(status: number, url: URL, cause: Error | undefined): boolean {
  return status === 400 && url.protocol === "http:" && /\bHTTPS (?:server|port)\b/i.test(cause?.message ?? "");
}

/** The error for a 401 or 403 of a host that the registry redirects to, such as its storage. */
export async function redirectError(
  response: HttpResponse,
  { what, registry, shown }: Pick<Asked, "what" | "registry" | "shown">,
): Promise<OrasClientError> {
  const { status, url } = response;
  const code = status === 401 ? "REGISTRY_UNAUTHORIZED" : "REGISTRY_FORBIDDEN";
  const message = `authentication failed at ${url.host}, where ${registry} redirects for ${what} (${status})`;
  return new RegistryAuthError(code, message, {
    cause: await reasonOf(response, url.host, shown),
    hint: `check whether a proxy or a firewall lets ${url.host} through, and tell the registry's operator; a login does not help`,
  });
}

/** The error for a refused login without a repository. */
export async function loginError(response: HttpResponse, asked: Asked): Promise<OrasClientError> {
  const { registry, shown } = asked;
  const { status } = response;
  if (status !== 401 && status !== 403) return await responseError(response, asked);
  const code = status === 401 ? "REGISTRY_UNAUTHORIZED" : "REGISTRY_FORBIDDEN";
  return new RegistryAuthError(code, `authentication failed: ${registry} does not accept this login`, {
    cause: await reasonOf(response, "the registry", shown),
    hint: "check the user and the password; many registries require an access token as the password",
  });
}

/** @param what `HOST/REPO`, with or without a tag or digest. */
function spellingHint(what: string): string {
  if (what.includes("@sha256:")) {
    return "check the digest: the registry may have removed the content, or the digest is not of this kind of content";
  }
  const repository = what.replace(/[@:][^/]*$/, "");
  return repository === what ? "check the spelling" : `list the existing tags with \`buck2-oras list ${repository}\``;
}
