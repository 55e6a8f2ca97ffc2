import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTopic } from '../../examples/inference/read-topic.ts';
import { defineProject, model, streamInference } from '../../src/features/define/declare.ts';
import type { RolloutOptions } from '../../src/features/define/rollout.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { rolloutReport } from '../../src/serving/rollout/rollout-report.ts';
import { asked, came, service } from '../models/small-project.ts';
import { type Kind, registerVersions } from '../rollouts/versions.ts';
import { PARTITIONS } from './stream-site.ts';

/** The id of a rollout chooses a tenth of them for its first step: 40 on average, and seldom fewer than 20. */
const NAMES = 400;

const STEPS: RolloutOptions<'name'> = {
  shadow: false,
  steps: [10, 25, 50],
  requests: 10,
  every: '1s',
  success: false,
  soak: '1m',
};

/** One output of the stream, as its topic has it. */
interface Output {
  readonly id: string;
  readonly version: number;
  readonly error: string | null;
}

async function world(candidate: Kind, key: 'name' | 'id') {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-stream-rollout-'));
  await registerVersions(directory, 'sold', ['good', candidate]);
  const sold = model('sold', {
    task: 'binary',
    service,
    spine: { from: asked, id: 'id' },
    label: { from: came, id: 'asked', value: (e) => e.good, within: '1h' },
    train: { with: { kind: 'logisticRegression' } },
    rollout: key === 'id' ? STEPS : { ...STEPS, key },
  });
  const scored = streamInference('scored', { model: sold, from: asked, to: 'scores' });
  const project = defineProject('shop', { asked, came, sold, scored });
  let now = Date.UTC(2026, 0, 1);
  const environment = { directory, partitions: PARTITIONS };
  const open = () => openHeadrace({ project, environment, clock: () => now });
  let sent = 0;
  /** Sends an event of each name; gives their requests. */
  const send = async (headrace: Headrace) => {
    // The plan of the step is committed in the first turn of the stream after it.
    await headrace.tick();
    const events = Array.from({ length: NAMES }, (_, i) => {
      sent += 1;
      return { id: `a${sent}`, at: now, name: `n${i}`, number: (i % 23) / 8 - 1, gaps: null, category: 1 };
    });
    await headrace.ingest(asked, events);
    await headrace.tick();
    return events.map(({ id, at: _, ...event }) => ({ id, request: event }));
  };
  /** Sends events, and asks online for the same; gives the version that each id had online. */
  const round = async (headrace: Headrace): Promise<ReadonlyMap<string, number>> => {
    const found = await headrace.predictMany(sold, await send(headrace));
    return new Map(found.map(({ id, version }) => [id, version]));
  };
  const later = () => {
    now += 2_000;
  };
  const outputs = (): readonly Output[] =>
    readTopic(join(directory, 'log'), 'streamed-scores@1').map(({ id, payload }) => ({
      ...(JSON.parse(payload) as Output),
      id,
    }));
  return { sold, open, send, round, later, outputs, sent: () => sent };
}

test.each(['name', 'id'] as const)(
  'each step is a plan: a caller by its %s has the same version online and in the stream, and no record is lost or doubled',
  async (key) => {
    const { sold, open, round, later, outputs, sent } = await world('good', key);
    const ann = { by: 'ann', reason: 'one step at a time' };
    let headrace = await open();
    const online = new Map(await round(headrace));
    await headrace.rollout(sold).start(2, ann);
    const shares: number[] = [];
    for (let step = 0; step < 3; step += 1) {
      await headrace.rollout(sold).hold(ann);
      const versions = await round(headrace);
      for (const [id, version] of versions) online.set(id, version);
      expect(new Set(versions.values())).toEqual(new Set([1, 2]));
      // A restart in the middle: its evidence has its own place.
      if (step === 1) {
        await headrace.close();
        headrace = await open();
        for (const [id, version] of await round(headrace)) online.set(id, version);
      }
      const status = await headrace.rollout(sold).status();
      if (status === null) throw new Error('no rollout');
      shares.push(status.percent);
      const places = rolloutReport(status).places.filter(({ kind }) => kind === 'stream');
      expect(places).toHaveLength(step === 0 ? 1 : 2);
      for (const place of places) expect(place).toMatchObject({ name: 'scored', errors: 0 });
      await headrace.rollout(sold).release(ann);
      later();
      await headrace.rollout(sold).look();
    }
    expect(shares).toEqual([10, 25, 50]);
    expect((await headrace.rollout(sold).status())?.rollout.state).toBe('soaking');
    const after = await round(headrace);
    for (const [id, version] of after) online.set(id, version);
    expect(new Set(after.values())).toEqual(new Set([2]));
    await headrace.close();
    const found = outputs();
    expect(new Set(found.map(({ id }) => id))).toEqual(new Set(online.keys()));
    expect(found).toHaveLength(sent());
    expect(Object.fromEntries(found.map(({ id, version }) => [id, version]))).toEqual(Object.fromEntries(online));
  },
);

test('a canary that fails in the stream is rolled back, and the stream returns to the plan of the champion', async () => {
  const { sold, open, send, later, outputs } = await world('nan', 'name');
  const headrace = await open();
  await headrace.tick();
  const control = headrace.rollout(sold);
  await control.start(2, { by: 'ann', reason: 'retrained' });
  for (let i = 0; i < 20 && (await control.active()) !== null; i += 1) {
    await send(headrace);
    later();
    await control.look();
  }
  const status = await control.status();
  expect(status?.rollout.state).toBe('rolledBack');
  const after = new Set((await send(headrace)).map(({ id }) => id));
  await headrace.close();
  const found = outputs();
  expect(found.some(({ version, error }) => version === 2 && error?.startsWith('MODEL_SCORE') === true)).toBe(true);
  expect(found.filter(({ version }) => version === 1).every(({ error }) => error === null)).toBe(true);
  const last = found.filter(({ id }) => after.has(id));
  expect(last.map(({ version }) => version)).toEqual(new Array(NAMES).fill(1));
});
