export interface LeftProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}
export declare function processesOf(folder: string): readonly LeftProcess[];
export declare function killAll(find: () => readonly LeftProcess[]): Promise<void>;
export declare function removeFolder(folder: string): void;
