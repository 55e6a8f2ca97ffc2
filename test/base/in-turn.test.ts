import fc from 'fast-check';
import { expect, test } from 'vitest';
import { turnsInOrder } from '../../src/base/in-turn.ts';
import { turns } from '../until.ts';

test('any works run one at a time and in order, a failure stops none after it, and an empty work ends last', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ steps: fc.nat({ max: 3 }), fails: fc.boolean() }), { maxLength: 8 }),
      async (works) => {
        const inTurn = turnsInOrder();
        const seen: number[] = [];
        let running = 0;
        const results = works.map(({ steps, fails }, i) =>
          inTurn(async () => {
            expect(running).toBe(0);
            running += 1;
            await turns(steps);
            running -= 1;
            seen.push(i);
            if (fails) throw new Error(`work ${i}`);
            return i;
          }),
        );
        const settled = Promise.allSettled(results);
        await inTurn(async () => undefined);
        expect(seen).toEqual([...works.keys()]);
        expect((await settled).map(({ status }) => status === 'rejected')).toEqual(works.map(({ fails }) => fails));
      },
    ),
    { numRuns: 30 },
  );
});
