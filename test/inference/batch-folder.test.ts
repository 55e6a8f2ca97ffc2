import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { BatchFolder, readBatchManifest } from '../../src/serving/batch/batch-folder.ts';
import { type BatchSpec, batchJobId, SPEC_FORMAT } from '../../src/serving/batch/batch-spec.ts';
import type { BatchManifest } from '../../src/serving/batch/part-manifest.ts';

function manifestOf(version: number): BatchManifest {
  const digest = 'a'.repeat(64);
  const spec: BatchSpec = {
    format: SPEC_FORMAT,
    input: { kind: 'rows', fileFormat: 'csv', sha256: digest, sizeBytes: 1, rows: 0 },
    model: { name: 'm', version, digest, service: 's@1', features: ['x'] },
    options: { keep: [], partitionRows: 1, mostErrors: 0 },
  };
  const job = batchJobId(spec);
  return { format: SPEC_FORMAT, job, folder: `job-${job}`, spec, rows: 0, quarantined: 0, parts: [] };
}

test('a run that was stopped cannot commit over the one that took over, whichever of them commits first', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'headrace-batch-')), 'out');
  const [one, two] = [manifestOf(1), manifestOf(2)];
  const stopped = BatchFolder.claim(path, one.job, false);
  expect(stopped.isFenced).toBe(false);
  const later = BatchFolder.claim(path, two.job, false);
  expect([stopped.isFenced, later.isFenced]).toEqual([true, false]);
  expect(() => stopped.commit(one)).toThrow(expect.objectContaining({ code: 'PREDICT_FENCED' }));
  expect(readBatchManifest(path)).toBeNull();
  later.commit(two);
  expect(() => stopped.commit(one)).toThrow(expect.objectContaining({ code: 'PREDICT_FENCED' }));
  expect(readBatchManifest(path)?.job).toBe(two.job);
});

test('a run that died between its commit and the rename is committed by the next one', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'headrace-batch-')), 'out');
  const one = manifestOf(1);
  const died = BatchFolder.claim(path, one.job, false);
  died.commit(one);
  const text = readFileSync(join(path, '_MANIFEST.json'), 'utf8');
  // As the death leaves it: the decision is there, the rename is not.
  renameSync(join(path, '_MANIFEST.json'), join(path, '_runs', '1.commit'));
  expect(readBatchManifest(path)).toBeNull();
  expect(() => BatchFolder.claim(path, manifestOf(2).job, false)).toThrow(
    expect.objectContaining({ code: 'PREDICT_OUTPUT' }),
  );
  expect(readFileSync(join(path, '_MANIFEST.json'), 'utf8')).toBe(text);
});

test('an output of format 1 opens', () => {
  const folder = fileURLToPath(new URL('../fixtures/batch-1', import.meta.url));
  const manifest = readBatchManifest(folder);
  expect([manifest?.rows, manifest?.quarantined, manifest?.parts.length]).toEqual([300, 0, 2]);
  for (const { output } of manifest?.parts ?? []) {
    const bytes = readFileSync(join(folder, manifest?.folder ?? '', output?.file ?? ''));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(output?.sha256);
  }
});
