/** What work costs, whatever else the machine does. */

/** @returns Milliseconds of processor time that this process has spent since. */
export function cpuTimer(): () => number {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
}
