/** Absolute path. */
export const winePrefix: string;

/** Environment of programs under Wine. */
export const wineEnvironment: Readonly<Record<string, string>>;
