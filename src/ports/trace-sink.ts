import type { Span } from '../base/trace.ts';

/**
 * Forwards spans. Rules:
 *  1. `add` returns at once, never throws and never waits; spans that cannot be kept are dropped and reported;
 *  2. `close` sends waiting spans, and ends within seconds whether or not the collector answers.
 */
export interface TraceSink {
  add(span: Span): void;
  close(): Promise<void>;
}
