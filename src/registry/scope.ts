/** Scopes of a Bearer challenge that a token may be requested for. A registry, or an attacker, chooses the challenge's scopes. */

export type Action = "pull" | "push" | "delete";

/** Actions of the use case's own scope. */
export const actionsOf: Readonly<Record<Action, string>> = { pull: "pull", push: "pull,push", delete: "pull,delete" };

/** Actions of a repository scope, by use case. ACR names `metadata_read` where others name `pull`. */
const allowedActions: Readonly<Record<Action, readonly string[]>> = {
  pull: ["pull", "metadata_read", "content_read"],
  push: ["pull", "push", "metadata_read", "metadata_write", "content_read", "content_write"],
  delete: ["pull", "delete", "metadata_read", "metadata_write", "content_read", "content_delete"],
};

/** Scopes without a resource, such as `aws` of ECR Public. */
const opaqueScope = /^[a-zA-Z0-9._-]+$/;

/** True for the repository's own path, with or without its first parts: Artifactory names the path behind its own part. */
function isOwn(name: string, repository: string): boolean {
  return name !== "" && (name === repository || repository.endsWith(`/${name}`));
}

/**
 * The allowed scopes of a challenge, in its order. Scopes of other repositories, of other resource types and with other
 * actions are dropped: a token for them would be worth more than the use case needs.
 *
 * @param repository Undefined, as for a login: opaque scopes alone are allowed.
 * @see CNCF distribution, docs/content/spec/auth/scope.md
 */
export function allowedScopes(scope: string, repository: string | undefined, action: Action): readonly string[] {
  return scope.split(" ").filter((one) => {
    if (opaqueScope.test(one)) return true;
    const [, name, actions] = /^repository:([a-z0-9._/-]+):([a-z_,]+)$/.exec(one) ?? [];
    if (repository === undefined || name === undefined || actions === undefined) return false;
    return isOwn(name, repository) && actions.split(",").every((each) => allowedActions[action].includes(each));
  });
}
