/** Absolute path. */
export const winePrefix: string;
