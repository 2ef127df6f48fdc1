/** Errors from a registry's refusal: from its status and its bounded, untrusted body. */
import * as v from "valibot";
import { ArtifactNotFoundError, type OrasClientError, RegistryAuthError, RegistryUnavailableError } from "../errors.ts";
import type { HttpResponse } from "../http/response.ts";
import type { Credentials } from "../model/credentials.ts";
import { readJson } from "./json.ts";
import { redacted } from "./redact.ts";
import { authenticationHint } from "./token.ts";

/** OCI distribution-spec v1.1.1, "Error Codes". */
const errorBodySchema = v.object({
  errors: v.pipe(v.array(v.object({ code: v.optional(v.string()), message: v.optional(v.string()) })), v.minLength(1)),
});
const maxErrorBytes = 64 * 1024;
const maxSaidLength = 300;

async function said(response: HttpResponse, shown: Iterable<string>): Promise<Error | undefined> {
  try {
    const first = readJson(await response.bytes(maxErrorBytes), errorBodySchema)?.errors[0];
    const text = [first?.code, first?.message].filter((part) => part).join(": ");
    // Before it is cut, so that no half of a secret is left.
    const safe = redacted(text, shown).slice(0, maxSaidLength);
    return safe === "" ? undefined : new Error(`the registry said ${safe}`);
  } catch {
    return undefined;
  }
}

/**
 * @param what Names the thing that was asked for, such as `ghcr.io/acme/protoc:33.0`.
 * @param credentials What was shown, for the hint.
 * @param shown Secrets that are not repeated, whatever the registry says.
 */
export async function responseError(
  response: HttpResponse,
  what: string,
  credentials: Credentials,
  registry: string,
  shown: Iterable<string>,
): Promise<OrasClientError> {
  const cause = await said(response, shown);
  const { status, url } = response;
  switch (status) {
    case 401:
      return new RegistryAuthError("REGISTRY_UNAUTHORIZED", `authentication required for ${what}`, {
        cause,
        hint: `${authenticationHint(credentials, registry)}; a private repository that does not exist looks the same`,
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
          hint: "try again later; a login often raises the limit",
        },
      );
    default:
      if (status >= 500) {
        return new RegistryUnavailableError("REGISTRY_UNAVAILABLE", `${url.host} answered ${status} for ${what}`, {
          cause,
          hint: "the registry is in trouble: try again later",
        });
      }
      return new RegistryUnavailableError("REGISTRY_REFUSED", `${url.host} answered ${status} for ${what}`, {
        cause,
        hint:
          status === 405
            ? "the registry takes no such requests: it may be read-only, or in maintenance"
            : "the registry does not accept the request; run with --verbose to see it",
      });
  }
}

/** The error for a refused login that was tried by itself, for no repository. */
export async function loginError(
  response: HttpResponse,
  credentials: Credentials,
  registry: string,
  shown: Iterable<string>,
): Promise<OrasClientError> {
  const { status } = response;
  if (status !== 401 && status !== 403) return await responseError(response, registry, credentials, registry, shown);
  const code = status === 401 ? "REGISTRY_UNAUTHORIZED" : "REGISTRY_FORBIDDEN";
  return new RegistryAuthError(code, `authentication failed: ${registry} does not take this login`, {
    cause: await said(response, shown),
    hint: "check the user and the password; many registries want an access token in place of the password",
  });
}

/** @param what `HOST/REPO` with a tag or digest, or without. */
function spellingHint(what: string): string {
  const repository = what.replace(/[@:][^/]*$/, "");
  return repository === what ? "check the spelling" : `\`buck2-oras list ${repository}\` lists the tags that there are`;
}
