/** Credentials of one registry, however they were found. */

export type Credentials =
  | { readonly kind: "none" }
  /** A login: sent as Basic, or exchanged for a token where the registry asks for that. */
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  /** A registry token: sent as Bearer, as it is. */
  | { readonly kind: "bearer"; readonly token: string }
  /** An identity (refresh) token: exchanged at the token service, never sent to the registry. */
  | { readonly kind: "identity"; readonly token: string };

/** @param registry Host with its port; matched whole. */
export type CredentialProvider = (registry: string) => Promise<Credentials>;
