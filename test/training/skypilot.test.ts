import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { uniformProgress } from '../../src/cost/spot/policies/uniform-progress.ts';
import type { PlacedProgress } from '../../src/training/runner/placer.ts';
import { TriedSpot } from '../../src/training/runner/tried-spot.ts';
import { lastJson, runCli } from '../cli/run-cli.ts';
import { skyCommand } from './sky-command.ts';

const hour = 3_600;
const job = { workS: 10 * hour, deadlineS: 12 * hour, gapS: 60, changeoverS: 720, priceRatio: 3 };

function placer() {
  return new TriedSpot({ job, policy: uniformProgress, spotPrice: 1, onDemandPrice: 3, speed: 1, retryS: 1_800 });
}

test('spot that makes the job wait is left for on demand when it is late, and tried again when it is ahead', () => {
  const spot = placer();
  const at = (elapsedS: number, step: number, more: Partial<PlacedProgress> = {}): PlacedProgress => ({
    elapsedS,
    step,
    targetSteps: 1_000,
    attemptS: elapsedS,
    running: true,
    waits: false,
    ...more,
  });
  expect(spot.place(at(0, 0)).name).toBe('spot');
  expect(spot.look(at(600, 0, { waits: false }))).toBe('keep');
  // Ahead, it waits for spot; late, it does not.
  expect(spot.look(at(hour, 500, { waits: true }))).toBe('keep');
  expect(spot.look(at(7 * hour, 500, { waits: true }))).toBe('leave');
  expect(spot.place(at(7 * hour + 1, 500)).name).toBe('on_demand');
  expect(spot.look(at(7 * hour + 600, 520))).toBe('keep');
  expect(spot.look(at(8 * hour, 600))).toBe('keep');
  expect(spot.look(at(8 * hour + 60, 780))).toBe('leave');
  expect(spot.place(at(8 * hour + 120, 780)).name).toBe('spot');
  const other = placer();
  other.restore(spot.memory());
  expect(other.memory()).toEqual({ ...spot.memory(), state: 'idle' });
});

test('train run --on skypilot submits the exported task, follows it, and cancels it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sky-'));
  const sky = skyCommand(folder);
  onTestFinished(() => {
    sky.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const bin = join(folder, 'bin');
  // The controller of the other machine: a few lines of progress, and the end.
  writeFileSync(join(bin, 'headrace'), '#!/bin/sh\necho "$@" > "$0.words"\necho progress: step 40\n', { mode: 0o755 });
  const given = {
    version: 1,
    name: 'late',
    command: ['python3', 'train.py'],
    steps: 40,
    spot: true,
    deadlineHours: 12,
    bucket: 's3://late-runs',
    directory: '/checkpoints/late',
    pricePerHour: 60,
  };
  writeFileSync(join(folder, 'job.json'), JSON.stringify(given));
  const words = ['train', 'run', 'job.json', '--on', 'skypilot', '--directory', 'here', '--poll', '0.1', '--json'];
  const path = process.env['PATH'];
  process.env['PATH'] = `${bin}:${path}`;
  onTestFinished(() => {
    process.env['PATH'] = path;
  });
  const result = await runCli(folder, words);
  expect(result.err).toContain('knows no deadline');
  expect(lastJson(result)).toMatchObject({ state: 'completed', step: 40, ledger: { cost: 1 } });
  expect(readFileSync(join(bin, 'headrace.words'), 'utf8')).toContain('--directory /checkpoints/late --steps 40');
  const policy = ['--work', '10h', '--spot-price', '20', '--on-demand-price', '60', '--directory', 'other'];
  const placed = await runCli(folder, [...words, ...policy]);
  expect(lastJson(placed)).toMatchObject({ ledger: { attempts: [{ placement: 'spot' }] } });
  const cancelled = await runCli(folder, [...words.filter((word) => word !== '--json'), '--cancel']);
  expect(cancelled.out.trim()).toBe('late-1 cancelled');
});
