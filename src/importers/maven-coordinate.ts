/**
 * A part of Maven's coordinates, as the source of a pattern. It becomes a part of paths in the user's local repository, and a POM's author
 * names that of its parent: never `..`, nor what begins with a dot or a hyphen.
 */
export const coordinate = "[A-Za-z0-9_](?:[A-Za-z0-9_-]|\\.(?!\\.))*";
