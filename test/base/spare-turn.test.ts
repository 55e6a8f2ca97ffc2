import { expect, test } from 'vitest';
import { spareTurn } from '../../src/base/spare-turn.ts';

test('of all that continues behind the calls one slice is done a turn of the event loop, each work in its turn', async () => {
  let turn = 0;
  let going = true;
  const count = (): void => {
    turn += 1;
    if (going) setImmediate(count);
  };
  setImmediate(count);
  const slices: { readonly work: string; readonly turn: number }[] = [];
  const work = async (name: string) => {
    for (let slice = 0; slice < 5; slice += 1) {
      await spareTurn();
      slices.push({ work: name, turn });
    }
  };
  await Promise.all(['a', 'b', 'c'].map(work));
  going = false;
  expect(new Set(slices.map((slice) => slice.turn)).size).toBe(15);
  expect(slices.map((slice) => slice.work).join('')).toBe('abcabcabcabcabc');
});
