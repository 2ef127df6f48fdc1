/** What a fault is: it stands before the registry, and each is an option of its own. They compose. */
import type { Manner, RegistryRequest, Reply } from "../exchange.ts";
import type { Selector } from "./selectors.ts";

export interface FaultSurroundings {
  /** Of the registry itself. */
  readonly host: string;
}

/** Stands before the registry: answers in its place, or alters what it answers. */
export interface Fault {
  /** @param next The registry; not called, it does nothing. */
  (request: RegistryRequest, next: () => Reply, surroundings: FaultSurroundings): Reply;
  readonly requestCut?: RequestCut;
}

/** Cuts a request off in the middle of its body, before anything is answered. */
export interface RequestCut {
  /** Bytes of the body; undefined lets it through. A body that is shorter comes through as well. */
  readonly after: (request: Omit<RegistryRequest, "body">) => number | undefined;
  /** It was cut off. */
  readonly done: (request: Omit<RegistryRequest, "body">) => void;
}

/** The registry does its work, and what it answers is altered. */
export function altering(alter: (request: RegistryRequest, before: Reply) => Reply): Fault {
  return (request, next) => alter(request, next());
}

/** Only the first `times` requests that are selected meet the fault. */
export function limited(selector: Selector, times: number, fault: Fault): Fault {
  let left = times;
  return (request, next, surroundings) => {
    if (left <= 0 || !selector(request)) return next();
    left -= 1;
    return fault(request, next, surroundings);
  };
}

export function withManner(manner: Manner): Fault {
  return altering((_request, before) => ({ ...before, manner: { ...before.manner, ...manner } }));
}
