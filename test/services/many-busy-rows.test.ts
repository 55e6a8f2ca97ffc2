// @module-tag deep
import { test } from 'vitest';
import { PART_KINDS } from '../../src/features/plan/parts.ts';
import { busyStore, busyView, trainsWithoutCuts } from '../offline/busy-keys.ts';
import { everyAggregate } from '../sql/streams.ts';

const isMadeOfParts = (kind: string) => PART_KINDS.some((part) => part === kind);

test.each(['corrected', 'as-known'] as const)(
  '100,000 rows of three keys train at the default memory, by every aggregate, %s',
  async (mode) => {
    const store = await busyStore({ events: 100_000, memoryLimitBytes: 2 ** 28 });
    const lists = everyAggregate.filter(({ kind }) => isMadeOfParts(kind));
    const others = everyAggregate.filter(({ kind }) => !isMadeOfParts(kind));
    for (const aggregates of [lists, others]) await trainsWithoutCuts(store, busyView(aggregates), mode, 4);
  },
);
