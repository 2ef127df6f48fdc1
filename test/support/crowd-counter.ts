/** Counts how many answers a server is asked for at the same time, without a race against the machine. */

export interface CrowdCounter {
  /** Most at once since the last `expect`. */
  readonly most: () => number;
  /** @param atOnce Answers wait until so many are asked for. */
  readonly expect: (atOnce: number) => void;
  /** Resolves when it is time to answer. @param mayWait False for one that the others come after. */
  readonly pass: (mayWait?: boolean) => Promise<void>;
}

/** A little time in which one more than allowed would come. */
const lingerMs = 300;
/** They do not come together: the test fails by the count and not by a hang. */
const patienceMs = 30_000;

export function crowdCounter(): CrowdCounter {
  let now = 0;
  let most = 0;
  let wanted = 1;
  let open = (): void => {};
  let isOpen = Promise.resolve();
  return {
    most: () => most,
    expect: (atOnce) => {
      most = 0;
      wanted = atOnce;
      isOpen = new Promise((resolve) => {
        open = resolve;
        setTimeout(resolve, patienceMs).unref();
      });
    },
    pass: async (mayWait = true) => {
      now += 1;
      most = Math.max(most, now);
      if (now >= wanted) open();
      if (mayWait) await isOpen;
      await new Promise((resolve) => setTimeout(resolve, lingerMs));
      now -= 1;
    },
  };
}
