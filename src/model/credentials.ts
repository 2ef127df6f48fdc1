/** Credentials of one registry, however they were found. */

/** A login: sent as Basic, or exchanged for a token where the registry asks for that. */
export interface BasicCredentials {
  readonly kind: "basic";
  readonly username: string;
  readonly password: string;
}

export type Credentials =
  | {
      readonly kind: "none";
      /** Why one that there may be is not shown, and how to allow it: a hint for whoever is refused. */
      readonly withheld?: string;
    }
  | BasicCredentials
  /** A registry token: sent as Bearer, as it is. */
  | { readonly kind: "bearer"; readonly token: string }
  /** An identity (refresh) token: exchanged at the token service, never sent to the registry. */
  | { readonly kind: "identity"; readonly token: string };

export interface FoundCredentials {
  readonly credentials: Credentials;
  /** Where they were found, for people: a variable, a file, a helper. */
  readonly source: string;
}

/** @param registry Host with its port; matched whole. */
export type CredentialProvider = (registry: string) => Promise<FoundCredentials>;
