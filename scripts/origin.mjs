/** The address of a clone's remote, as the cell of another project can have it. */
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * @param remote What git's configuration says: an address, or a folder
 * @returns an address that `init --origin` takes: a folder as a URL, and no login, which would end in a committed file
 */
export function cellOrigin(remote) {
  if (isAbsolute(remote)) return pathToFileURL(remote).href;
  if (!/^https?:/.test(remote) || !URL.canParse(remote)) return remote;
  const url = new URL(remote);
  url.username = "";
  url.password = "";
  return url.href;
}
