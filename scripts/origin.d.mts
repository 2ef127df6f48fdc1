export function cellOrigin(remote: string): string;
