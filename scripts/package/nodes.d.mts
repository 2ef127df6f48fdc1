export declare const ownPlatform: string | undefined;
export declare const versions: ReadonlyMap<string, string>;
export declare function nodeFile(platform: string, version: string): string;
