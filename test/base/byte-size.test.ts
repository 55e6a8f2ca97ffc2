import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOf, formatSize, parseSize } from '../../src/base/byte-size.ts';
import { parseValue } from '../../src/cli/options/option.ts';
import { size } from '../../src/cli/options/option-kinds.ts';
import { type EnvironmentOptions, resolveEnvironment } from '../../src/environment/config.ts';
import '../seed.ts';

const UNITS = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** Every option of a size, as it is written and as it is resolved. */
const OPTIONS: Readonly<
  Record<string, readonly [written: (size: string | number) => EnvironmentOptions, path: string]>
> = {
  memory: [(memory) => ({ memory, offline: { memory: '64MB' } }), ''],
  'offline.memory': [(memory) => ({ offline: { memory } }), 'offline.memory'],
  'offline.bytes': [(bytes) => ({ offline: { bytes } }), 'offline.bytes'],
  'log.bytes': [(bytes) => ({ log: { kind: 'embedded', bytes } }), 'log.bytes'],
  'log.bytes of Kafka': [(bytes) => ({ log: { kind: 'kafka', brokers: ['b:9092'], bytes } }), 'log.bytes'],
  'disk.bytes': [(bytes) => ({ disk: { bytes } }), 'disk.bytes'],
  'disk.bytesPerDay': [(bytesPerDay) => ({ disk: { bytesPerDay } }), 'disk.bytesPerDay'],
  'models.memory': [(memory) => ({ models: { memory } }), 'models.memoryBytes'],
  'models.cache': [(cache) => ({ models: { cache } }), 'models.cacheBytes'],
  'models.python.memory': [(memory) => ({ models: { python: { memory } } }), 'models.python.memoryBytes'],
  'training.memory': [(memory) => ({ training: { memory } }), 'training.memoryBytes'],
};

const resolved = (options: EnvironmentOptions) => resolveEnvironment('production', options, 'shop');
const at = (value: unknown, path: string) =>
  path
    .split('.')
    .reduce<unknown>((inner, name) => Object.entries(inner ?? {}).find(([key]) => key === name)?.[1], value);

test('a size is read back from its text, and a text that is not one is SIZE_TEXT', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 999 }), fc.constantFrom(...Object.entries(UNITS)), (count, [unit, bytes]) => {
      expect(parseSize(`${count}${unit}`)).toBe(count * bytes);
      expect(parseSize(formatSize(count * bytes))).toBe(count * bytes);
    }),
  );
  for (const text of ['', '1', '0MiB', '-1GiB', '1.5GiB', '1 GiB', '1gib', '1PiB', '9999999999TiB'] as const)
    expect(() => bytesOf(text as '1GiB', 'bodyLimit')).toThrow(expect.objectContaining({ code: 'SIZE_TEXT' }));
  expect(formatSize(1_001)).toBe('1001');
  expect(bytesOf(1_001, 'bodyLimit')).toBe(1_001);
});

test.each(Object.entries(OPTIONS))(
  '%s is a text or bytes, and anything else is CONFIG_OPTION',
  (name, [write, path]) => {
    const [text, bytes] = [resolved(write('1GiB')), resolved(write(2 ** 30))];
    expect(text).toEqual(bytes);
    if (path !== '') expect(at(text, path)).toBe(2 ** 30);
    for (const wrong of ['much', '1B', '1.5GiB', 1.5, -1, Number.NaN])
      expect(() => resolved(write(wrong))).toThrow(
        expect.objectContaining({ code: 'CONFIG_OPTION', message: expect.stringContaining(name.split(' ')[0]) }),
      );
  },
);

test('an option of the command line is a size within bounds, or CLI_VALUE', () => {
  const option = (value: string) => parseValue('body-limit', size(2 ** 10, 2 ** 30), value);
  expect([option('4MiB'), option('4194304'), option('1GiB')]).toEqual([2 ** 22, 2 ** 22, 2 ** 30]);
  for (const wrong of ['1kB', '2GiB', 'much', '', '1.5'])
    expect(() => option(wrong)).toThrow(expect.objectContaining({ code: 'CLI_VALUE' }));
});
