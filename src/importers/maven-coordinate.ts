/**
 * Pattern of one part of Maven coordinates. A part becomes a path in the user's local repository, and a POM's author
 * chooses the parent's coordinates: `..`, and a dot or a hyphen at the beginning, do not match.
 */
export const coordinate = "[A-Za-z0-9_](?:[A-Za-z0-9_-]|\\.(?!\\.))*";
