import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { compareText } from '../../src/base/text-order.ts';
import { defineProject, streamInference } from '../../src/features/define/declare.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { asked, came, small } from '../models/small-project.ts';
import { event, foundTopics, PARTITIONS, registerVersions } from './stream-site.ts';

const DAY = Date.UTC(2026, 0, 10);
const HOUR_MS = 3_600_000;

const projectThat = (begins: 'earliest' | 'now' | '2026-01-10' | undefined) =>
  defineProject('p', {
    asked,
    came,
    small,
    ...(begins === undefined
      ? {}
      : { scored: streamInference('scored', { model: small, from: asked, to: 'scores', begins }) }),
  });

const events = (from: number, count: number, at: number) =>
  Array.from({ length: count }, (_, i) => event(from + i, at));

/** Events that came before the day, from it on, and after the stream was declared; a restart is between any two steps. */
async function scoredBy(begins: 'earliest' | 'now' | '2026-01-10'): Promise<readonly string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-begin-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  await registerVersions(directory);
  let now = DAY - HOUR_MS;
  const opened = async (
    declared: typeof begins | undefined,
    run: (open: Awaited<ReturnType<typeof openHeadrace>>) => Promise<void>,
  ) => {
    const project = projectThat(declared);
    const open = await openHeadrace({ project, environment: { directory, partitions: PARTITIONS }, clock: () => now });
    try {
      await run(open);
    } finally {
      await open.close();
    }
  };
  await opened(undefined, async (open) => {
    await open.ingest(asked, events(0, 20, now));
    now = DAY + HOUR_MS;
    await open.ingest(asked, events(20, 20, now));
  });
  now += HOUR_MS;
  // It begins, and has scored nothing of what comes next.
  await opened(begins, (open) => open.tick());
  await opened(begins, async (open) => {
    await open.ingest(asked, events(40, 20, now));
    await open.tick();
  });
  return foundTopics(directory)
    .outputs.map(({ id }) => id)
    .sort(compareText);
}

const ids = (from: number) => Array.from({ length: 60 - from }, (_, i) => `a${from + i}`).sort(compareText);

test.each([
  ['earliest', 0],
  ['2026-01-10', 20],
  ['now', 40],
] as const)('a new stream that begins at %s scores each event from there once, over restarts', async (begins, from) => {
  expect(await scoredBy(begins)).toEqual(ids(from));
});

test.each(['tomorrow', '2026-13-01', '', 'latest'])('a stream that begins at "%s" is refused', (begins) => {
  expect(() => streamInference('s', { model: small, from: asked, to: 't', begins })).toThrow(
    expect.objectContaining({ code: 'STREAM_BEGIN' }),
  );
});

test('an engine elsewhere chooses where its stream begins', () => {
  const options = { model: small, from: asked, to: 't', scoredBy: 'engine' } as const;
  expect(() => streamInference('s', { ...options, begins: 'now' })).toThrow(
    expect.objectContaining({ code: 'STREAM_BEGIN' }),
  );
});
