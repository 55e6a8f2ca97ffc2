import { totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/cli/open/load-config.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { machineMemory } from '../../src/environment/machine-memory.ts';
import { defaultMemory } from '../../src/environment/memory-shares.ts';

const GIB = 2 ** 30;
const keysOf = (bytes: number, history = 2 ** 28) => Math.floor(0.8 * (bytes - 2 ** 28 - history));

interface MemoryOptions {
  readonly memory?: string | number;
  readonly cacheKeys?: number;
  readonly offline?: { readonly memory: number | string };
}

const environmentOf = (options: MemoryOptions, otherwise = GIB) =>
  resolveEnvironment('production', { directory: './data', ...options }, 'shop', otherwise);
const budgetOf = (options: MemoryOptions) => environmentOf(options).memoryBytes;

test('what grows with keys has four fifths of what the process and the history leave, and a quarter of all at least', () => {
  expect(budgetOf({})).toBe(keysOf(GIB));
  expect(budgetOf({ memory: '4GiB' })).toBe(keysOf(4 * GIB));
  expect(budgetOf({ memory: '2GB' })).toBe(keysOf(2e9));
  expect(budgetOf({ memory: 3e9 })).toBe(keysOf(3e9));
  expect(budgetOf({ memory: '64MiB' })).toBe(2 ** 24);
  expect(budgetOf({ memory: 4 * GIB, offline: { memory: GIB } })).toBe(keysOf(4 * GIB, GIB));
});

test('without the option a process has half of its limit or a quarter of the machine, shared by the processes, and 4 GiB at most', () => {
  expect(defaultMemory({ bytes: 2 * GIB, isLimit: true }, 1)).toBe(GIB);
  expect(defaultMemory({ bytes: 8 * GIB, isLimit: false }, 1)).toBe(2 * GIB);
  expect(defaultMemory({ bytes: 8 * GIB, isLimit: false }, 4)).toBe(GIB / 2);
  expect(defaultMemory({ bytes: 256 * GIB, isLimit: true }, 8)).toBe(4 * GIB);
  expect(defaultMemory({ bytes: 2 ** 20, isLimit: true }, 1)).toBe(2 ** 24);
  const { bytes } = machineMemory();
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThanOrEqual(totalmem());
});

test('whatever the process has by default, its parts fit into it, and a larger history takes nothing from the heap', () => {
  for (const otherwise of [600e6, GIB, 4 * GIB]) {
    const { memoryBytes, heapBytes, offline } = environmentOf({}, otherwise);
    expect(memoryBytes).toBeLessThan(heapBytes);
    expect(heapBytes + offline.memory).toBeLessThan(otherwise);
    const larger = environmentOf({ offline: { memory: offline.memory + GIB } }, otherwise);
    expect(larger.heapBytes).toBeGreaterThanOrEqual(heapBytes);
  }
});

test('a call that serves with workers shares the default among all of its processes', async () => {
  const config = fileURLToPath(new URL('../../examples/personalisation/headrace.config.ts', import.meta.url));
  for (const workers of [undefined, 1, 7]) {
    const { environment } = await loadConfig({ options: { config, workers } });
    const each = environmentOf({}, defaultMemory(machineMemory(), 1 + (workers ?? 0)));
    expect(environment.memoryBytes).toBe(each.memoryBytes);
  }
});

test('the history has what it names, or a quarter of the memory from 64 MB to 256 MiB', () => {
  const historyOf = (options: MemoryOptions) => environmentOf(options).offline.memory;
  expect(historyOf({})).toBe(2 ** 28);
  expect(historyOf({ memory: 600e6 })).toBe(150e6);
  expect(historyOf({ memory: '16MiB' })).toBe(64e6);
  expect(historyOf({ memory: '8GiB' })).toBe(2 ** 28);
  expect(historyOf({ memory: '8GiB', offline: { memory: 3 * GIB } })).toBe(3 * GIB);
  expect(historyOf({ memory: '8GiB', offline: { memory: '3GiB' } })).toBe(3 * GIB);
  // Without `memory`, the rest keeps what it has by default.
  expect(historyOf({ offline: { memory: 3 * GIB } })).toBe(3 * GIB);
  expect(budgetOf({ offline: { memory: 3 * GIB } })).toBe(Math.max(budgetOf({}), (4 * GIB - 2 ** 28) / 4));
});

test('a history of more than half of the memory is CONFIG_OPTION', () => {
  expect(() => environmentOf({ memory: GIB, offline: { memory: GIB / 2 + 1 } })).toThrow(
    expect.objectContaining({ code: 'CONFIG_OPTION', message: expect.stringContaining('raise memory') }),
  );
});

test('keys, history and heap together are the memory, with room for what is neither', () => {
  for (const memory of [600e6, GIB, 4 * GIB, 64 * GIB]) {
    const { memoryBytes, heapBytes, offline } = environmentOf({ memory });
    expect(memoryBytes).toBeLessThan(heapBytes);
    expect(heapBytes + offline.memory).toBeLessThan(memory);
  }
});

test('cacheKeys goes on to work, 4 KiB a key, and not next to memory', () => {
  expect(budgetOf({ cacheKeys: 100_000 })).toBe(409_600_000);
  expect(budgetOf({ cacheKeys: 1_000 })).toBe(2 ** 24);
  expect(() => budgetOf({ cacheKeys: 1_000, memory: '1GiB' })).toThrow(
    expect.objectContaining({ code: 'CONFIG_OPTION', message: expect.stringContaining('leave cacheKeys out') }),
  );
});

test.each(['1', 'much', '1 GiB', '-1GiB', '0MiB', '1PiB', '15MiB', 2 ** 24 - 1, 1.5])(
  'a memory of %s is CONFIG_OPTION, which names it',
  (memory) => {
    expect(() => budgetOf({ memory })).toThrow(
      expect.objectContaining({ code: 'CONFIG_OPTION', message: expect.stringContaining('memory') }),
    );
  },
);
