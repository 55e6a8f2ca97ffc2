import type { Span } from './judge-windows.ts';

/** A span of time in words. */
export function spanText({ from, to }: Span): string {
  return `${new Date(from).toISOString()} to ${new Date(to).toISOString()}`;
}
