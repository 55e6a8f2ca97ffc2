import { expect, test } from 'vitest';
import { WriterState } from '../../src/featurestore/materialise/writer-state.ts';

test('a failed read is caught up with, and only then events are applied as they come', () => {
  const state = new WriterState();
  state.failed();
  expect([state.stage, state.isWhole, state.isFailing]).toEqual(['behind', false, true]);
  state.settled();
  expect([state.stage, state.isWhole, state.isFailing]).toEqual(['open', true, false]);
});

test('following begins when the writer has caught up, and outlasts a failure', () => {
  const state = new WriterState();
  state.failed();
  state.follow();
  expect(state.stage).toBe('behind');
  state.settled();
  expect(state.stage).toBe('following');
  state.lost();
  state.rewind();
  state.settled();
  expect(state.stage).toBe('following');
});

test('lost writes outrank a failed read, until a rewind ends', () => {
  const state = new WriterState();
  state.failed();
  state.lost();
  state.settled();
  expect([state.stage, state.isTorn, state.isFailing]).toEqual(['lost', true, false]);
  state.rewind();
  expect(state.isTorn).toBe(true);
  state.failed();
  expect([state.stage, state.isFailing]).toEqual(['lost', true]);
  state.rewind();
  state.settled();
  expect([state.stage, state.isTorn, state.isFailing]).toEqual(['open', false, false]);
});

test('only a writer that lost writes is rewound', () => {
  for (const prepare of [
    () => undefined,
    (state: WriterState) => state.follow(),
    (state: WriterState) => state.failed(),
    (state: WriterState) => state.close(),
  ]) {
    const state = new WriterState();
    prepare(state);
    const { stage } = state;
    expect(() => state.rewind()).toThrow(`cannot go from ${stage} to rewinding`);
    expect(state.stage).toBe(stage);
  }
});

test('a closed writer stays closed, and still says whether its tiles were whole', () => {
  const whole = new WriterState();
  whole.close();
  for (const go of [whole.failed, whole.lost, whole.settled, whole.follow, whole.close]) go.call(whole);
  expect([whole.stage, whole.isWhole, whole.isTorn]).toEqual(['closed', true, false]);
  const torn = new WriterState();
  torn.lost();
  torn.close();
  torn.settled();
  expect([torn.stage, torn.isWhole, torn.isTorn]).toEqual(['closed', false, true]);
});
