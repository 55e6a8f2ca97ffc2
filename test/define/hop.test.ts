import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { parseDuration } from '../../src/base/time.ts';
import { count, entity, eventSource, streamView, text, time } from '../../src/features/define/declare.ts';
import { hopOf, hopsOf } from '../../src/features/window/hop.ts';

const S = 1_000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;

test('the hop of a window is the largest of the table that is at most a twelfth of it', () => {
  const table: readonly (readonly [string, number])[] = [
    ['12s', S],
    ['59s', S],
    ['60s', 5 * S],
    ['2m', 5 * S],
    ['3m', 15 * S],
    ['5m', 15 * S],
    ['11m', 15 * S],
    ['12m', M],
    ['15m', M],
    ['59m', M],
    ['1h', 5 * M],
    ['11h', 5 * M],
    ['12h', H],
    ['1d', H],
    ['7d', H],
    ['11d', H],
    ['12d', D],
    ['365d', D],
  ];
  for (const [window, hop] of table) expect([window, hopOf(parseDuration(window, ''), 'v')]).toEqual([window, hop]);
  expect(hopOf(null, 'v')).toBe(D);
});

test('the tail of a window is rounded by at most a twelfth of it, and a window below 12 s is refused', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 400 * D }), (windowMs) => {
      if (windowMs >= 12 * S) return hopOf(windowMs, 'v') * 12 <= windowMs;
      try {
        hopOf(windowMs, 'v');
        return false;
      } catch (error) {
        return isHeadraceError(error, 'WINDOW_HOP');
      }
    }),
  );
});

test('the hops of a view ascend and nest; a window of more than 100 hops adds the next larger one', () => {
  const kept = (...windows: string[]) =>
    hopsOf(
      windows.map((window) => {
        const windowMs = window === 'ever' ? null : parseDuration(window, '');
        return { windowMs, hopMs: hopOf(windowMs, 'v') };
      }),
      'v',
    );
  expect(kept('1h')).toEqual([5 * M]);
  expect(kept('1d', '15m', '1h')).toEqual([M, 5 * M, H]);
  expect(kept('11h')).toEqual([5 * M, H]);
  expect(kept('7d')).toEqual([H, D]);
  expect(kept('365d')).toEqual([D]);
  expect(kept('ever')).toEqual([D]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 12 * S, max: 400 * D }), { minLength: 1, maxLength: 6 }), (windows) => {
      const hops = hopsOf(
        windows.map((windowMs) => ({ windowMs, hopMs: hopOf(windowMs, 'v') })),
        'v',
      );
      hops.slice(1).forEach((hop, i) => {
        expect(hop % hops[i]).toBe(0);
        expect(hop).toBeGreaterThan(hops[i]);
      });
      for (const windowMs of windows) expect(hops).toContain(hopOf(windowMs, 'v'));
    }),
  );
});

test('a declared hop takes the place of the derived one, for its window alone', () => {
  const events = eventSource('events', { id: 'id', time: 'at', columns: { id: text(), at: time(), user: text() } });
  const view = streamView('view', {
    source: events,
    entity: entity('user', { user: text() }),
    key: { user: 'user' },
    windows: ['1h', '1d'],
    hops: { '1h': '10m' },
    freshness: '1s',
    features: () => ({ n: count() }),
  });
  expect(view.features.map(({ name, hopMs }) => [name, hopMs])).toEqual([
    ['n_1h', 10 * M],
    ['n_1d', H],
  ]);
  expect(view.hopsMs).toEqual([10 * M, H]);
});
