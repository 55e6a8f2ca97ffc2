// @module-tag deep
import { test } from 'vitest';
import { PART_KINDS } from '../../src/features/plan/parts.ts';
import { busyStore, busyView, trainsWithoutCuts } from '../offline/busy-keys.ts';
import { everyAggregate } from '../sql/streams.ts';

const isMadeOfParts = (kind: string) => PART_KINDS.some((part) => part === kind);

const lists = everyAggregate.filter(({ kind }) => isMadeOfParts(kind));
const others = everyAggregate.filter(({ kind }) => !isMadeOfParts(kind));

// As known, each row joins the events of its windows: the time of the others grows with the square of the rows a key.
test.each([
  ['lists', 'corrected', 100_000, lists],
  ['others', 'corrected', 100_000, others],
  ['lists', 'as-known', 100_000, lists],
  ['others', 'as-known', 10_000, others],
] as const)('%s train at the default memory, %s, with %i rows of three keys', async (_, mode, events, aggregates) => {
  const store = await busyStore({ events, memoryLimitBytes: 2 ** 28 });
  await trainsWithoutCuts(store, busyView(aggregates), mode, 4);
});
