import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { parseInjection } from '../../src/playbook/file-replay/injection.ts';
import type { FileReplay, ReplayFileOptions } from '../../src/playbook/file-replay/replay-file.ts';
import { readReplayRows } from '../../src/playbook/file-replay/replay-rows.ts';
import { replayFile } from '../../src/running/replay-file.ts';
import { openTableFile } from '../../src/site/table-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-file-replay-'));
const START = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
/** Four a minute: a window of six hours has 720. */
const ROW_MS = 30_000;
const ROWS = 5000;
/** From here on the labels say the opposite. */
const CHANGE = 3200;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file with a score that is right until the labels change their meaning; labels come half an hour late. */
function writeFile(): string {
  const random = seededRandom(7);
  const lines = ['when,score,good,known,delay,kind'];
  for (let i = 0; i < ROWS; i += 1) {
    const at = START + i * ROW_MS;
    const score = 1 / (1 + Math.exp(-2 * randomNormal(random)));
    const good = random() < (i < CHANGE ? score : 1 - score);
    const delay = 20 + 5 * randomNormal(random);
    const known = new Date(at + HOUR_MS / 2).toISOString();
    lines.push(`${new Date(at).toISOString()},${score},${good},${known},${delay},${random() < 0.5 ? 'road' : 'air'}`);
  }
  const path = join(folder, 'scores.csv');
  // Rows of a file may come in any order.
  const [head, ...rows] = lines;
  writeFileSync(path, `${[head, ...rows.reverse()].join('\n')}\n`);
  return path;
}

const columns = {
  time: 'when',
  everyMs: 1000,
  score: 'score',
  label: 'good',
  labelled: 'known',
  labelDelayMs: 0,
  features: [],
  ignore: [],
} as const;

async function replayed(path: string, name: string, changes: Partial<ReplayFileOptions> = {}): Promise<FileReplay> {
  const table = await openTableFile(path);
  try {
    return await replayFile(table, {
      ...columns,
      directory: join(folder, name),
      until: null,
      share: 0.3,
      windowMs: 6 * HOUR_MS,
      labelWithinMs: null,
      plan: { retrain: false, schedule: null, trainingWindowMs: null, rule: 'default', trees: 10, isDry: false },
      injections: [parseInjection('delay*60@2026-01-01T18:00:00Z/2026-01-02T00:00:00Z')],
      ...changes,
    });
  } finally {
    await table.close();
  }
}

describe('a file that is replayed by its own clock', () => {
  let path: string;
  let first: FileReplay;

  beforeAll(async () => {
    path = writeFile();
    first = await replayed(path, 'first');
  }, 600_000);

  test('a feature that turns to another unit is stopped as a fault, and released when it is right again', () => {
    const faults = first.log.filter(({ tier }) => tier === 0).map(({ action }) => action);
    expect(faults).toEqual([
      'stop delay',
      'open replayed/qualityFault/delay+unit (page)',
      'measure the declared value of delay',
      'leave delay as it is',
      'release delay',
      'resolve replayed/qualityFault/delay+unit',
    ]);
    expect(first.log.find(({ by }) => by === 'injected')).toMatchObject({ action: 'delay times 60' });
  });

  test('labels that change their meaning are a page, in the window of the change or the next', () => {
    const page = first.log.find(({ action }) => action.startsWith('open replayed/conceptDrift'));
    expect(page?.at).toBeGreaterThan(START + CHANGE * ROW_MS);
    expect(page?.at).toBeLessThanOrEqual(START + CHANGE * ROW_MS + 12 * HOUR_MS);
    expect(first.summary.faults).toEqual([]);
  });

  test('the same decision log twice, and the same decisions from the journal', async () => {
    const again = await replayed(path, 'second');
    expect(again.log).toEqual(first.log);
    expect(again.windows).toEqual(first.windows);
    expect(again.summary.replayDiffers).toBe(0);
  }, 600_000);

  test('every row after the first ones is predicted once, with its label', () => {
    const { months, rows, first: before } = first.summary;
    expect([rows, before]).toEqual([ROWS, 0.3 * ROWS]);
    expect(months.map(({ predictions, labelled }) => [predictions, labelled])).toEqual([[3500, 3500]]);
  });
});

test('a file that has no such column, no instant, or too few rows is refused by code', async () => {
  const path = join(folder, 'bad.csv');
  writeFileSync(path, 'when,score,good\n2026-01-01,0.5,maybe\n,0.5,no\n');
  const table = await openTableFile(path);
  try {
    const read = (changes: Partial<typeof columns & { time: string | null }>) =>
      readReplayRows(table, { ...columns, label: null, labelled: null, ...changes } as never);
    await expect(read({ time: 'then' } as never)).rejects.toMatchObject({ code: 'DRIFT_COLUMN' });
    await expect(read({})).rejects.toMatchObject({ code: 'DRIFT_REPLAY' });
    await expect(read({ time: null, label: 'good' } as never)).rejects.toMatchObject({ code: 'DRIFT_REPLAY' });
  } finally {
    await table.close();
  }
  await expect(replayed(writeFile(), 'none', { until: START })).rejects.toMatchObject({ code: 'DRIFT_REPLAY' });
});

test.each(['delay*x@a/b', 'spoiled@soon', 'delay*0@2026-01-01/2026-01-02'])('%s is no injection', (text) => {
  expect(() => parseInjection(text)).toThrow(expect.objectContaining({ code: 'DRIFT_OPTION' }) as Error);
});
