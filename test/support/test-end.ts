/** What is to be done when a test ends, where several tests of a file run at the same time, too. */
import { AsyncLocalStorage } from "node:async_hooks";
import { onTestFinished, type TestContext } from "vitest";

const running = new AsyncLocalStorage<TestContext>();

/** Vitest's own hook does not know which of several tests calls it. */
export function whenTestEnds(work: () => void | Promise<void>): void {
  const register = running.getStore()?.onTestFinished ?? onTestFinished;
  register(work);
}

/** For the body of `test.concurrent`, which is called with its context last: what the body starts lives as long as this test. */
export function alongside<Args extends readonly unknown[]>(
  body: (...args: Args) => Promise<void>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    await running.run(args.at(-1) as TestContext, () => body(...args));
  };
}
