/** Faults that meet whoever lists tags, or logs in. */
import * as access from "../../support/registry/in-process/faults/access.ts";
import * as network from "../../support/registry/in-process/faults/network.ts";
import { everything, tagLists, tokenRequests } from "../../support/registry/in-process/faults/selectors.ts";
import * as vendors from "../../support/registry/in-process/faults/vendors.ts";
import { refused, type Scenario, survived } from "./scenario.ts";

export const lists: readonly Scenario[] = [
  survived("list", "503 twice", () => [network.answerStatus(503, 2, undefined, tagLists)]),
  survived("list", "429, Retry-After: 2", () => [network.answerStatus(429, 1, "2", tagLists)]),
  survived("list", "connection cut before the answer, once", () => [network.cutBeforeHead(1, tagLists)]),
  survived("list", "connection cut in the middle, once", () => [network.cutBody(10, 1, tagLists)]),
  survived("list", "pages of more than 50 tags are refused (413)", () => [vendors.capTagPages(50, 413)]),
  refused("list", "next page is on another host", 69, () => [
    vendors.linkTags(() => "http://127.0.0.2:5000/v2/t/tool/tags/list"),
  ]),
  refused("list", "next page is the same one", 69, () => [vendors.linkTags(({ href }) => href)]),
  refused("list", "pages never end", 69, () => [
    vendors.linkTags(({ pathname, searchParams }) => `${pathname}?page=${Number(searchParams.get("page") ?? 0) + 1}`),
  ]),
  refused("list", "tags are a web page, status 200", 65, () => [network.webPage(tagLists)]),
];

const login = { user: "user", password: "secret" };
const another = { ...login, password: "another" };
const path = "/token";

export const logins: readonly Scenario[] = [
  survived("login", "503 twice", () => [
    network.answerStatus(503, 2, undefined, everything),
    access.demandBasic("user", "secret"),
  ]),
  survived("login", "connection cut before the answer, once", () => [
    network.cutBeforeHead(1),
    access.demandBasic("user", "secret"),
  ]),
  survived("login", "token service answers 503, twice", () => [
    network.answerStatus(503, 2, undefined, tokenRequests(path)),
    access.ownTokens({ path, login }),
  ]),
  refused("login", "password is wrong", 77, () => [access.demandBasic("user", "another")]),
  refused("login", "token service refuses the password", 77, () => [access.ownTokens({ path, login: another })]),
  refused("login", "registry is a web page, status 200", 65, () => [network.webPage()]),
];
