import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { keepTraining, keptTraining } from '../../src/training/kept-training.ts';
import { newRunFolder, stampOf } from '../../src/training/run-folder.ts';

const NOW = Date.UTC(2026, 0, 1);

function runs(): string {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-runs-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'runs');
}

test('trainings that begin in one millisecond have a folder each, in the order in which they began', () => {
  const place = runs();
  const folders = Array.from({ length: 20 }, (_, i) => newRunFolder(place, 'm', NOW + Math.floor(i / 7)));
  expect(new Set(folders).size).toBe(20);
  expect(folders.every((folder) => existsSync(folder))).toBe(true);
  const stamps = folders.map(stampOf);
  expect(stamps).toEqual([...stamps].sort((a, b) => a - b));
});

test('the newest training is resumed, ordered by a playbook or not', () => {
  const place = runs();
  for (const [at, name] of ['m', 'm-decision-2147483647', 'm', 'm-decision-1'].entries()) {
    const directory = newRunFolder(place, name, NOW + at);
    const set = { path: directory, rows: at, unlabelled: 0, from: null, to: NOW, mode: 'corrected', uniform: [] };
    keepTraining({ model: 'm', directory, declaration: 'd', trainingSet: set });
    expect(keptTraining(place, 'm', 'd').trainingSet.rows).toBe(at);
  }
});
