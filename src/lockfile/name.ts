/** The name of the lock in a project. */
export const lockFileName = "oras.lock.json";
