/** Credentials of one registry, independent of their source. */

/** A login: sent as Basic, or exchanged for a token if the registry's challenge is Bearer. */
export interface BasicCredentials {
  readonly kind: "basic";
  readonly username: string;
  readonly password: string;
}

export type Credentials =
  | {
      readonly kind: "none";
      /** Hint after a refusal: why existing credentials may be withheld, and how to allow their use. */
      readonly withheld?: string;
    }
  | BasicCredentials
  /** A registry token: sent unchanged as Bearer. */
  | { readonly kind: "bearer"; readonly token: string }
  /** An identity (refresh) token: exchanged at the token service, never sent to the registry. */
  | { readonly kind: "identity"; readonly token: string };

export interface FoundCredentials {
  readonly credentials: Credentials;
  /** Names the variable, file or helper, for people. */
  readonly foundIn: string;
}

export interface CredentialProvider {
  /**
   * @param registry Host with its port; matched whole.
   * @param repository Prefers a login for the repository or its namespace; undefined: only logins for the whole registry.
   */
  (registry: string, repository?: string): Promise<FoundCredentials>;
  /**
   * Asks anew after a refusal: the logins that helpers of clouds give last minutes or hours, and a worker lives as long as
   * the build. Further requests get the new login, too.
   *
   * @returns The same credentials if there are no others.
   */
  readonly renewed?: (refused: Credentials, registry: string, repository?: string) => Promise<FoundCredentials>;
}
