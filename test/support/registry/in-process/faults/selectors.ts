/** Which requests a fault is for. */
import type { RegistryRequest } from "../exchange.ts";

export type Selector = (request: RegistryRequest) => boolean;

export const blobReads: Selector = ({ method, url }) => method === "GET" && /\/blobs\/sha/.test(url.pathname);
export const manifestReads: Selector = ({ method, url }) => method === "GET" && url.pathname.includes("/manifests/");
export const uploadStarts: Selector = ({ method, url }) =>
  method === "POST" && url.pathname.endsWith("/blobs/uploads/");
export const uploadPuts: Selector = ({ method, url }) => method === "PUT" && url.pathname.includes("/blobs/uploads/");
export const manifestPuts: Selector = ({ method, url }) => method === "PUT" && url.pathname.includes("/manifests/");
export const tagLists: Selector = ({ url }) => url.pathname.endsWith("/tags/list");
export const everything: Selector = () => true;

/** @param path Of the token service. */
export function tokenRequests(path: string): Selector {
  return ({ url }) => url.pathname === path;
}

/** Those that are selected, without the first few. */
export function after(count: number, selector: Selector): Selector {
  let seen = 0;
  return (request) => {
    if (!selector(request)) return false;
    seen += 1;
    return seen > count;
  };
}
