import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Terminal } from '../../src/cli/command.ts';
import { nextWait, sayingWaits } from '../../src/cli/terminal/say-waits.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function said(untilOutput = false) {
  const lines: string[] = [];
  const io: Terminal = {
    out: (text) => lines.push(text),
    err: (text) => lines.push(text),
    interactive: false,
    stopped: new Promise(() => undefined),
  };
  const { terminal, end } = sayingWaits(io, { what: 'train buys', untilOutput });
  return { lines, terminal, end };
}

test('no silence is longer than a minute after the first two seconds, and moments only rise', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100_000 }), (seconds) => {
      const next = nextWait(seconds);
      expect(next).toBeGreaterThan(seconds);
      expect(next - seconds).toBeLessThanOrEqual(60);
    }),
  );
});

test('a silent call says what it does after 2, 10, 30 and each 60 seconds', () => {
  const { lines } = said();
  vi.advanceTimersByTime(1_999);
  expect(lines).toEqual([]);
  vi.advanceTimersByTime(120_001);
  expect(lines).toEqual([2, 10, 30, 60, 120].map((s) => `headrace: train buys: at work for ${s} s`));
});

test('any output begins the silence again, and the end ends it', () => {
  const { lines, terminal, end } = said();
  vi.advanceTimersByTime(1_500);
  terminal.out('a');
  vi.advanceTimersByTime(1_500);
  terminal.err('b');
  vi.advanceTimersByTime(1_500);
  expect(lines).toEqual(['a', 'b']);
  vi.advanceTimersByTime(500);
  expect(lines.at(-1)).toMatch(/at work for 5 s/);
  end();
  vi.advanceTimersByTime(600_000);
  expect(lines).toHaveLength(3);
});

test('a server that has said its address, and a command with a progress line, say nothing more', () => {
  const server = said(true);
  server.terminal.out('serving');
  const shown = said();
  shown.terminal.showsWork?.();
  vi.advanceTimersByTime(600_000);
  expect([server.lines, shown.lines]).toEqual([['serving'], []]);
});
