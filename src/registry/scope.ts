/** Scopes of a Bearer challenge that a token may be requested for. A registry, or an attacker, chooses the challenge's scopes. */

/** `mount` is a push that also reads other repositories; its tokens are apart, since a token service may refuse them. */
export type Action = "pull" | "push" | "mount" | "delete";

/** Actions of the use case's own scope. */
const actionsOf: Readonly<Record<Action, string>> = {
  pull: "pull",
  push: "pull,push",
  mount: "pull,push",
  delete: "pull,delete",
};

const pushActions = ["pull", "push", "metadata_read", "metadata_write", "content_read", "content_write"];

/** Actions of a repository scope, by use case. ACR names `metadata_read` where others name `pull`. */
const allowedActions: Readonly<Record<Action, readonly string[]>> = {
  pull: ["pull", "metadata_read", "content_read"],
  push: pushActions,
  mount: pushActions,
  delete: ["pull", "delete", "metadata_read", "metadata_write", "content_read", "content_delete"],
};

/** `repository:NAME:ACTION,ACTION` */
const repositoryScope = /^repository:([a-z0-9._/-]+):([a-z_,]+)$/;

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
    const [, name, actions] = repositoryScope.exec(one) ?? [];
    if (repository === undefined || name === undefined || actions === undefined) return false;
    return isOwn(name, repository) && actions.split(",").every((each) => allowedActions[action].includes(each));
  });
}

/**
 * The use case's own scope, with the allowed scopes of the challenge that ask for more than this scope. A push needs pull
 * permission too.
 */
export function scopesFor(scope: string, repository: string | undefined, action: Action): readonly string[] {
  const allowed = allowedScopes(scope, repository, action);
  if (repository === undefined) return allowed;
  const own = actionsOf[action].split(",");
  const isMore = (one: string): boolean => {
    const [, name, actions] = repositoryScope.exec(one) ?? [];
    return name !== repository || actions === undefined || !actions.split(",").every((each) => own.includes(each));
  };
  return [`repository:${repository}:${actionsOf[action]}`, ...allowed.filter(isMore)];
}
