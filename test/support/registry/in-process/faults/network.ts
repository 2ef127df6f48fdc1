/** What a network, or a registry in trouble, does to a request or its reply. */
import { errorReply, reply } from "../exchange.ts";
import { altering, type Fault, limited, type RequestCut, withManner } from "./fault.ts";
import { blobReads, everything, type Selector } from "./selectors.ts";

/** The connection breaks in the middle of a body. */
export function cutBody(afterBytes: number, times: number, selector: Selector = blobReads): Fault {
  return limited(selector, times, withManner({ cutAfterBytes: afterBytes }));
}

/** The connection breaks before anything is answered. */
export function cutBeforeHead(times: number, selector: Selector = everything): Fault {
  return limited(selector, times, withManner({ cutAfterBytes: -1 }));
}

/** A proxy states no length and ends early, as if that were all. */
export function endEarly(afterBytes: number, times: number): Fault {
  return limited(
    blobReads,
    times,
    altering((_request, before) => ({
      ...before,
      body: before.body.subarray(0, afterBytes),
      manner: { isUnsized: true },
    })),
  );
}

/**
 * The connection breaks in the middle of an upload. What came is kept, so that a second first byte is refused, as distribution 3
 * does.
 */
export function cutUpload(afterBytes: number, times: number): Fault {
  const begun = new Set<string>();
  const refusal: Fault = ({ url }, next) => (begun.has(url.pathname) ? errorReply(416, "BLOB_UPLOAD_INVALID") : next());
  const isUpload: RequestCut["after"] = ({ method, url: { pathname } }) =>
    (method === "PUT" || method === "PATCH") && pathname.includes("/blobs/uploads/") && begun.size < times
      ? afterBytes
      : undefined;
  const requestCut = { after: isUpload, done: ({ url }: { readonly url: URL }) => void begun.add(url.pathname) };
  return Object.assign(refusal, { requestCut });
}

/** Nothing more comes, and the connection stays. */
export function stallBody(afterBytes: number, times: number, selector: Selector = blobReads): Fault {
  return limited(selector, times, withManner({ stallAfterBytes: afterBytes }));
}

/** A connection gets so much and no more. */
export function slowBody(bytesPerSecond: number, selector: Selector = blobReads): Fault {
  return limited(selector, Number.POSITIVE_INFINITY, withManner({ bytesPerSecond }));
}

export function slowHead(delayMs: number, times: number, selector: Selector = everything): Fault {
  return limited(selector, times, withManner({ delayMs }));
}

/** @param retryAfter As the header has it: seconds, or a date. */
export function answerStatus(
  status: number,
  times: number,
  retryAfter?: string,
  selector: Selector = blobReads,
): Fault {
  const headers: Record<string, string> = retryAfter === undefined ? {} : { "retry-after": retryAfter };
  return limited(selector, times, () => reply(status, headers));
}

/** A cold pull-through cache of distribution: 200 and the whole, whatever range was asked for. */
export function ignoreRange(whole: Buffer): Fault {
  return altering((request, before) =>
    blobReads(request) && before.status === 206 ? { ...before, status: 200, body: whole } : before,
  );
}

export function refuseRange(status: 400 | 416): Fault {
  return (request, next) => (blobReads(request) && request.headers.range !== undefined ? reply(status) : next());
}

/** A 206 with bytes that were not asked for. */
export function shiftRange(): Fault {
  return altering((request, before) =>
    blobReads(request) && before.status === 206
      ? { ...before, headers: { ...before.headers, "content-range": "bytes 0-9/10" } }
      : before,
  );
}

/** A login page, or a proxy's, with status 200. */
export function webPage(selector: Selector = everything): Fault {
  return (request, next) =>
    selector(request) ? reply(200, { "content-type": "text/html" }, "<html>please log in</html>") : next();
}

/** A body that is not what its digest says, with the header of the right one. */
export function changeBody(selector: Selector = blobReads): Fault {
  return altering((request, before) =>
    selector(request) ? { ...before, body: Buffer.from(before.body.map((byte) => byte ^ 1)) } : before,
  );
}
