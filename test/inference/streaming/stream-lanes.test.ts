import { test } from 'vitest';
import type { LaneNames } from '../../../src/ports/stream-lanes.ts';
import { streamLanesContracts } from '../../../src/testing/contracts/stream-lanes.ts';
import { MemoryLanes } from '../../memory/stream-lanes.ts';

const names: LaneNames = { reader: 'r', inputTopic: 'in@1', outputs: 'out@1', positions: 'at@1', partitions: 2 };

test.each(streamLanesContracts)('lanes in memory, rule $rule: $name', async ({ run }) => {
  const lanes = new MemoryLanes(2);
  const partition = (p: number) => lanes.outputs.get('out@1')?.[p];
  await run({
    open: () => lanes.open(names),
    read: (p) => partition(p)?.records.map(({ id }) => id) ?? [],
    nexts: () => [0, 1].map((p) => partition(p)?.position?.next ?? 0),
    follow: () => lanes.follow('f', 'out@1'),
    close: () => lanes.close(),
  });
});
