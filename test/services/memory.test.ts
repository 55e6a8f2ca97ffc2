// @module-tag deep

import { createClient } from 'redis';
import { describe, expect, test } from 'vitest';
import { openRedisStore } from '../../src/backends/redis/online-store.ts';
import { ByteWriter } from '../../src/base/bytes.ts';
import { FIRST_PARTIAL, MAX_TS, tileLayout } from '../../src/features/tile/tile-layout.ts';
import { addressOf, freshOptions } from './addresses.ts';
import { numericView, tilesOf } from './numeric-tiles.ts';

describe.each([
  ['Redis', 'REDIS_URL'],
  ['Valkey', 'VALKEY_URL'],
] as const)('memory in %s', (_, variable) => {
  test.each([
    [60, [], 30],
    // With what they merge to over an hour.
    [60, [60], 40],
    // The entity itself is most of it.
    [5, [], 50],
    [5, [60], 110],
  ])(
    '%i tiles of 8 numbers, windows of %j minutes, take at most %i bytes each beyond the numbers',
    async (count, windows, most) => {
      const options = freshOptions(addressOf(variable));
      const layout = tileLayout(numericView(8, windows));
      const store = await openRedisStore(options);
      const written = tilesOf(layout, 60_000, 'user-123456', count);
      const [{ run }] = written;
      const tiles = written.map((tile) => ({ ...tile, all: [run] }));
      const freshUntil = run.nums[(count - 1) * layout.numbers + MAX_TS] + 1;
      await store.writeTiles({ writer: 'w', position: {}, tiles, freshUntil });
      await store.close();
      const client = await createClient({ url: options.urls[0] }).connect();
      const keys = await client.keys(`${options.prefix}:[eo]:*`);
      // Sixty tiles are too many for the record.
      expect(keys.length).toBe(count === 60 ? 2 : 1);
      let used = 0;
      for (const key of keys) used += Number(await client.sendCommand(['MEMORY', 'USAGE', key, 'SAMPLES', '0']));
      client.destroy();
      const numbers = new ByteWriter();
      for (const { index } of tiles)
        for (let num = FIRST_PARTIAL; num < layout.numbers; num += 1)
          numbers.int(run.nums[index * layout.numbers + num]);
      const each = (used - numbers.length) / count;
      console.log(
        `${variable}: ${count} tiles, ${windows.length} windows, ${used} bytes, ${numbers.length} of numbers, ${each.toFixed(1)} beyond per tile`,
      );
      expect(each).toBeLessThanOrEqual(most);
    },
  );
});
