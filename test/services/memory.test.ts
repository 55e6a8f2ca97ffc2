import { createClient } from 'redis';
import { describe, expect, test } from 'vitest';
import { openRedisStore } from '../../src/backends/redis/online-store.ts';
import { ByteWriter } from '../../src/base/bytes.ts';
import { FIRST_PARTIAL, tileLayout } from '../../src/features/tile/tile-layout.ts';
import { addressOf, freshOptions } from './addresses.ts';
import { numericView, tilesOf } from './numeric-tiles.ts';

describe.each([
  ['Redis', 'REDIS_URL'],
  ['Valkey', 'VALKEY_URL'],
] as const)('memory in %s', (_, variable) => {
  test.each([
    [60, 40],
    // The entity itself is most of it.
    [5, 90],
  ])('%i tiles of 8 numbers take at most %i bytes each beyond the numbers', async (count, most) => {
    const options = freshOptions(addressOf(variable));
    const layout = tileLayout(numericView(8));
    const store = await openRedisStore(options);
    const tiles = tilesOf(layout, 60_000, 'user-123456', count);
    await store.writeTiles({ writer: 'w', position: {}, tiles });
    await store.close();
    const client = await createClient({ url: options.urls[0] }).connect();
    const [key] = await client.keys(`${options.prefix}:t:*`);
    const used = Number(await client.sendCommand(['MEMORY', 'USAGE', key, 'SAMPLES', '0']));
    client.destroy();
    const numbers = new ByteWriter();
    for (const { run, index } of tiles)
      for (let num = FIRST_PARTIAL; num < layout.numbers; num += 1) numbers.int(run.nums[index * layout.numbers + num]);
    const each = (used - numbers.length) / count;
    console.log(
      `${variable}: ${count} tiles, ${used} bytes, ${numbers.length} of numbers, ${each.toFixed(1)} beyond per tile`,
    );
    expect(each).toBeLessThanOrEqual(most);
  });
});
