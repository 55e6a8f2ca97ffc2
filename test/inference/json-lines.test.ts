import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { duckScoreFiles } from '../../src/backends/embedded/scores/score-files.ts';
import { inputFiles } from '../../src/serving/batch/input-files.ts';
import { sql } from './batch-site.ts';

test('a copy of JSON lines keeps texts as texts, and the fields of objects whatever their names', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-json-lines-'));
  const [from, to] = [join(directory, 'in.jsonl'), join(directory, 'in.parquet')];
  const row = {
    day: '2026-01-02',
    seen: ['2026-01-02 03:04:05'],
    inner: { DATE: 3, TIME: '01:02:03', uuid: '123e4567-e89b-12d3-a456-426614174000', UUID_: 1 },
  };
  writeFileSync(from, `${JSON.stringify(row)}\n`);
  await duckScoreFiles.stage(inputFiles([from], 'jsonl'), new Set(), to);
  const [[text]] = await sql(`SELECT CAST(to_json(t) AS VARCHAR) FROM read_parquet('${to}') AS t`);
  expect(JSON.parse(String(text))).toEqual(row);
});
