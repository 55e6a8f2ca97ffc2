import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Liveness } from '../../src/training/runner/heartbeat.ts';
import { RankProgress } from '../../src/training/runner/rank-progress.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rank-progress-'));
  mkdirSync(join(folder, 'heartbeats'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function beats(step: number, more: Record<string, unknown> = {}): void {
  const beat = { format: 2, attempt: 2, step, samples: 0, loss: null, t: 1, lastCheckpoint: 16, ...more };
  writeFileSync(join(folder, 'heartbeats', '0.json'), JSON.stringify(beat));
}

const ways = { 'at the end alone': [], 'while it runs': [0], 'while it runs and at the end': [0, 1] };
for (const [when, looks] of Object.entries(ways))
  test.each([
    { name: 'reached the last step after it went back', step: 40, more: { backTo: 1 }, noted: 1 },
    { name: 'is below its checkpoint', step: 3, more: {}, noted: 3 },
    { name: 'never went back', step: 40, more: { backTo: null }, noted: null },
    { name: 'says nothing of it', step: 40, more: {}, noted: null },
  ])(`a rank that $name, looked at ${when}`, ({ step, more, noted }) => {
    const events: unknown[] = [];
    const progress = new RankProgress({ folder, ranks: 1, note: (event, data) => events.push({ event, ...data }) });
    progress.begin(2, 16);
    beats(step, more);
    const liveness = new Liveness({ ranks: 1, now: 0, leastMs: 1, startMs: 1 });
    for (const now of looks) progress.see(liveness, now);
    progress.end();
    expect(events).toEqual(noted === null ? [] : [{ event: 'regressed', rank: 0, step: noted, checkpoint: 16 }]);
  });
