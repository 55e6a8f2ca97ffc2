import { expect, test } from 'vitest';
import { resolveEnvironment } from '../../src/environment/config.ts';

const GIB = 2 ** 30;
const keysOf = (bytes: number) => Math.floor(0.8 * (bytes - 2 ** 28));

const budgetOf = (options: { readonly memory?: string | number; readonly cacheKeys?: number }) =>
  resolveEnvironment('production', { directory: './data', ...options }, 'shop').memoryBytes;

test('what grows with keys has four fifths of the memory beyond 256 MiB, and a quarter of all at least', () => {
  expect(budgetOf({})).toBe(keysOf(GIB));
  expect(budgetOf({ memory: '4GiB' })).toBe(keysOf(4 * GIB));
  expect(budgetOf({ memory: '2GB' })).toBe(keysOf(2e9));
  expect(budgetOf({ memory: 3e9 })).toBe(keysOf(3e9));
  expect(budgetOf({ memory: '64MiB' })).toBe(2 ** 24);
});

test('cacheKeys goes on to work, 4 KiB a key, and not beside memory', () => {
  expect(budgetOf({ cacheKeys: 100_000 })).toBe(409_600_000);
  expect(budgetOf({ cacheKeys: 1_000 })).toBe(2 ** 24);
  expect(() => budgetOf({ cacheKeys: 1_000, memory: '1GiB' })).toThrow(
    expect.objectContaining({ code: 'CONFIG_OPTION', message: expect.stringContaining('leave cacheKeys out') }),
  );
});

test.each(['1', 'much', '1 GiB', '-1GiB', '0MiB', '1TiB', '15MiB', 2 ** 24 - 1, 1.5])(
  'a memory of %s is CONFIG_OPTION, which names it',
  (memory) => {
    expect(() => budgetOf({ memory })).toThrow(
      expect.objectContaining({ code: 'CONFIG_OPTION', message: expect.stringContaining('memory') }),
    );
  },
);
