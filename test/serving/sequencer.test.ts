import { expect, test } from 'vitest';
import type { Sequencing } from '../../src/versions/config/model-config.ts';
import { Sequencer } from '../../src/versions/queue/sequencer.ts';
import type { Parameters } from '../../src/versions/request/infer-request.ts';
import { turns } from '../until.ts';

const open = (more: Partial<Sequencing> = {}) =>
  new Sequencer('m', { idleMs: 3_600_000, controls: [], mostSequences: 2, ...more });

function part(sequencer: Sequencer, parameters: Parameters, work: () => Promise<string> = async () => 'done') {
  const request = { model: 'm', version: '', id: '', parameters, inputs: [], outputs: null };
  return (async () => sequencer.run(request, work))();
}

test('a sequence begins with its start, runs in order, and its end frees its place', async () => {
  const sequencer = open();
  await expect(part(sequencer, { sequence_id: 7 })).rejects.toMatchObject({ code: 'OIP_REQUEST' });
  const seen: string[] = [];
  const noted = (name: string, wait: number) => async () => {
    await turns(wait);
    seen.push(name);
    return name;
  };
  await Promise.all([
    part(sequencer, { sequence_id: 7, sequence_start: true }, noted('first', 5)),
    part(sequencer, { sequence_id: 7 }, noted('second', 1)),
    part(sequencer, { sequence_id: 'x', sequence_start: true }, noted('other', 1)),
    part(sequencer, { sequence_id: 7, sequence_end: true }, noted('last', 0)),
  ]);
  expect(seen.filter((name) => name !== 'other')).toEqual(['first', 'second', 'last']);
  expect(sequencer.openSequences).toBe(1);
  await expect(part(sequencer, { sequence_id: 7 })).rejects.toMatchObject({ code: 'OIP_REQUEST' });
});

test('as many are open as the configuration allows, and one that is idle for too long is over', async () => {
  const sequencer = open({ idleMs: -1 });
  for (const id of [1, 2, 3]) expect(await part(sequencer, { sequence_id: id, sequence_start: true })).toBe('done');
  await expect(part(sequencer, { sequence_id: 3 })).rejects.toMatchObject({ code: 'OIP_REQUEST' });
  expect(sequencer.isActive(Number.POSITIVE_INFINITY)).toBe(false);
  const bounded = open();
  for (const id of [1, 2]) await part(bounded, { sequence_id: id, sequence_start: true });
  await expect(part(bounded, { sequence_id: 3, sequence_start: true })).rejects.toMatchObject({
    code: 'OIP_UNAVAILABLE',
  });
});
