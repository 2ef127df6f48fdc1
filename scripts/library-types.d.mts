export declare function libraryTypes(): Map<string, string>;
