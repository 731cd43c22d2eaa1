export function producersSection(version: string): Uint8Array;
