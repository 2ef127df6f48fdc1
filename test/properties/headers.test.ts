/** Headers that a registry, or somebody before it, sends. */
import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { retryAfterMs } from "../../src/http/retry.ts";
import { parseChallenges } from "../../src/registry/challenge.ts";
import { parseContentRange } from "../../src/registry/content-range.ts";
import { nextPage } from "../../src/registry/link.ts";
import { checkRealm } from "../../src/registry/realm.ts";
import { holds, isQuick, mutated } from "../support/property.ts";

const maxHeaderBytes = 64 * 1024;

describe("challenges", () => {
  const challenge = fc.constantFrom(
    'Bearer realm="https://auth.example/token",service="reg",scope="repository:a/b:pull"',
    'Basic realm="x"',
    'Basic realm="a \\"quoted\\" one", Bearer realm="https://auth.example"',
    "Bearer realm=token,service=reg",
    "Negotiate abc==, Basic",
  );
  const hostile = [
    '"',
    "\\",
    ",",
    "=",
    " ",
    "Bearer ",
    'realm="https://evil.example"',
    "\0",
    "\t",
    ",,,",
    "é",
    "Basic",
  ];

  test("what is found is made of the header's own words", () => {
    holds(
      "challenge",
      mutated(challenge, hostile),
      (header) => {
        const challenges = parseChallenges(header);
        for (const { scheme, parameters } of challenges) {
          expect(header.toLowerCase()).toContain(scheme);
          for (const [name, value] of parameters) {
            expect(header.toLowerCase()).toContain(name);
            expect(header.replaceAll("\\", "")).toContain(value.replaceAll("\\", ""));
          }
        }
        return challenges.length > 0;
      },
      0.0005,
    );
  });

  test("what follows a realm cannot change it", () => {
    const realm = "https://auth.example/token";
    const tail = fc.constantFrom('realm="https://evil.example"', 'scope="x",realm=evil', 'Basic realm="x"', "");
    holds("challenge's tail", mutated(tail, hostile), (text) => {
      const challenges = parseChallenges(`Bearer realm="${realm}",service="reg",${text}`);
      expect(challenges[0]?.scheme).toBe("bearer");
      expect(challenges[0]?.parameters.get("realm")).toBe(realm);
      return challenges.length > 1;
    });
  });

  test("long hostile headers take no time", () => {
    for (const unit of ['a="', "a=b,", "Bearer ", ",", " ", "\\", '"', "=", "a ", 'a="\\']) {
      isQuick(parseChallenges, unit.repeat(maxHeaderBytes / unit.length));
      isQuick(parseChallenges, `Bearer ${unit.repeat(8000)}`);
    }
  });
});

test("realms: https from https, nowhere link-local, without a login in the address", () => {
  const realm = fc.constantFrom(
    "https://auth.example/token",
    "https://10.0.0.1:8443/token?x=1",
    "https://[fd00::1]/token",
    "https://registry.example/token",
  );
  const hostile = [
    "http:",
    "file:",
    "169.254.169.254",
    "[fe80::1]",
    "0.0.0.0",
    "@",
    "user:pw@",
    "\n",
    "//",
    "\\",
    "%2e",
    "#",
    "[::ffff:169.254.169.254]",
    "0x0",
    "2852039166",
  ];
  const registry = new URL("https://registry.example/v2/");
  holds("realm", mutated(realm, hostile), (text) => {
    const url = checkRealm(text, registry);
    expect(url.protocol).toBe("https:");
    expect(url.username + url.password).toBe("");
    if (isIP(url.hostname)) expect(url.hostname).not.toMatch(/^169\.254\.|^0\./);
    expect(url.hostname).not.toMatch(/^\[fe[89ab][0-9a-f]:|^\[::\]$|^\[::ffff:a9fe/);
    return true;
  });
});

describe("Link", () => {
  const page = new URL("https://reg.example:5000/v2/a/b/tags/list?n=10");
  const link = fc.constantFrom(
    '</v2/a/b/tags/list?n=10&last=x>; rel="next"',
    "<?n=10&last=y>; rel=next",
    '<https://reg.example:5000/v2/a/b/tags/list?last=z>; rel="next"',
    '</other>; rel="prev", </v2/a/b/tags/list?last=q>; rel="next"',
  );
  const hostile = [
    "https://evil.example",
    "//evil.example/",
    "http://reg.example:5000",
    "<",
    ">",
    ";",
    "rel=next",
    "\\\\evil.example",
    "\t",
    "@evil.example",
    ":443",
    "javascript:",
  ];

  test("an accepted one stays on the registry's origin and is another page", () => {
    holds("Link", mutated(link, hostile), (header) => {
      const next = nextPage(header, page);
      if (next === undefined) return false;
      expect(next.origin).toBe(page.origin);
      expect(next.href).not.toBe(page.href);
      return true;
    });
  });

  test("long hostile headers take no time", () => {
    for (const unit of ["<", "<a>", "<a>;", '; rel="', "<a>; rel=", " ", ";"]) {
      isQuick((header) => nextPage(header, page), unit.repeat(maxHeaderBytes / unit.length));
    }
  });
});

test("Content-Range: a range inside the whole, or nothing", () => {
  const range = fc
    .tuple(fc.nat(1000), fc.nat(1000), fc.constantFrom("*", "2000", "1001"))
    .map(([a, b, total]) => `bytes ${a}-${a + b}/${total}`);
  holds("Content-Range", mutated(range, ["-", "*", "/", "9".repeat(30), " ", "bytes", "0x1", "\n", ","]), (header) => {
    const parsed = parseContentRange(header);
    if (parsed === undefined) return false;
    const { first, last, total } = parsed;
    expect([first, last, total ?? 0].every(Number.isSafeInteger)).toBe(true);
    expect(first).toBeLessThanOrEqual(last);
    if (total !== undefined) expect(last).toBeLessThan(total);
    return true;
  });
});

test("Retry-After: a wait that is a number of milliseconds, never a negative one", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  const header = fc.constantFrom("0", "30", "3600", "Thu, 01 Jan 2026 00:01:00 GMT", "Wed, 31 Dec 2025 23:00:00 GMT");
  holds("Retry-After", mutated(header, ["-", "9".repeat(12), ".", "e", "GMT", " ", "Mon,", "x", "1e9"]), (text) => {
    const waitMs = retryAfterMs(text, now);
    if (waitMs === undefined) return false;
    expect(Number.isFinite(waitMs) && waitMs >= 0).toBe(true);
    return true;
  });
});
