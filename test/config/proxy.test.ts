import { describe, expect, test } from "vitest";
import { proxyFor } from "../../src/config/proxy.ts";
import { testContext } from "../support/context.ts";

function proxyOf(url: string, env: Readonly<Record<string, string>>): string | undefined {
  return proxyFor(new URL(url), testContext({ env }))?.url.host;
}

describe("which proxy", () => {
  test.each([
    ["https://ghcr.io", { HTTPS_PROXY: "http://p:1" }, "p:1"],
    ["https://ghcr.io", { https_proxy: "http://p:1" }, "p:1"],
    ["https://ghcr.io", { HTTP_PROXY: "http://p:1" }, undefined],
    ["http://reg.lan", { HTTP_PROXY: "http://p:1", HTTPS_PROXY: "http://q:1" }, "p:1"],
    ["https://ghcr.io", { ALL_PROXY: "p:1" }, "p:1"],
    ["https://ghcr.io", { HTTPS_PROXY: "" }, undefined],
    ["https://ghcr.io", {}, undefined],
    ["http://localhost:5000", { ALL_PROXY: "http://p:1" }, undefined],
    ["http://127.0.0.9:5000", { ALL_PROXY: "http://p:1" }, undefined],
    ["http://[::1]:5000", { ALL_PROXY: "http://p:1" }, undefined],
  ] as const)("%s with %j: %s", (url, env, host) => {
    expect(proxyOf(url, env)).toBe(host);
  });

  test("a login is a header, and no longer in the address", () => {
    const env = { HTTPS_PROXY: "http://us%40er:p%3Aw@proxy.lan:3128" };
    const proxy = proxyFor(new URL("https://ghcr.io"), testContext({ env }));
    expect(proxy?.url.href).toBe("http://proxy.lan:3128/");
    expect(proxy?.authorization).toBe(`Basic ${Buffer.from("us@er:p:w").toString("base64")}`);
  });

  test("a login with a bare % is refused without being shown, and names the variable", () => {
    const env = { HTTPS_PROXY: "http://u:50%off@p:1" };
    const asking = (): unknown => proxyFor(new URL("https://ghcr.io"), testContext({ env }));
    expect(asking).toThrow(expect.objectContaining({ code: "CONFIG_INVALID", exitCode: 78 }));
    expect(asking).toThrow(/^the login in HTTPS_PROXY cannot be read/);
    expect(asking).not.toThrow(/50/);
  });

  test.each(["socks5://p:1080", "http://", "http://user:secret@[bad"])("%s is refused without being shown", (value) => {
    const asking = (): unknown => proxyFor(new URL("https://ghcr.io"), testContext({ env: { HTTPS_PROXY: value } }));
    expect(asking).toThrow(expect.objectContaining({ code: "CONFIG_INVALID", exitCode: 78 }));
    expect(asking).not.toThrow(/secret/);
  });
});

describe("NO_PROXY", () => {
  test.each([
    ["*", "https://ghcr.io", true],
    ["ghcr.io", "https://ghcr.io", true],
    ["ghcr.io", "https://sub.ghcr.io", true],
    ["ghcr.io", "https://notghcr.io", false],
    [".ghcr.io", "https://sub.ghcr.io", true],
    [".ghcr.io", "https://ghcr.io", false],
    ["*.ghcr.io", "https://sub.ghcr.io", true],
    ["GHCR.io", "https://ghcr.io", true],
    ["a.example, ghcr.io ,b", "https://ghcr.io", true],
    ["a.example ghcr.io", "https://ghcr.io", true],
    ["reg.lan:5000", "https://reg.lan:5000", true],
    ["reg.lan:5000", "https://reg.lan:5001", false],
    ["ghcr.io:443", "https://ghcr.io", true],
    ["10.0.0.0/8", "https://10.1.2.3", true],
    ["10.0.0.0/8", "https://11.1.2.3", false],
    ["10.0.0.0/8", "https://ten.example", false],
    ["10.0.0.0/99", "https://10.1.2.3", false],
    ["10.1.2.3", "https://10.1.2.3", true],
    ["2.3", "https://10.1.2.3", false],
    ["fd00::/8", "https://[fd00::1]:5000", true],
    ["fd00::1", "https://[fd00::1]:5000", true],
    ["[fd00::1]:5000", "https://[fd00::1]:5000", true],
    ["[fd00::1]:5001", "https://[fd00::1]:5000", false],
    ["", "https://ghcr.io", false],
  ])("%j exempts %s: %s", (noProxy, url, isExempt) => {
    expect(proxyOf(url, { HTTPS_PROXY: "http://p:1", NO_PROXY: noProxy })).toBe(isExempt ? undefined : "p:1");
    expect(proxyOf(url, { HTTPS_PROXY: "http://p:1", no_proxy: noProxy })).toBe(isExempt ? undefined : "p:1");
  });
});
