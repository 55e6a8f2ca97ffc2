import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { seededRandom } from '../../src/base/rng.ts';
import type { TrainingJob } from '../../src/training/job/training-job.ts';
import type { TrainingFrame } from '../../src/training/training-frame.ts';

/** A frame with gaps, ties and a category, of any size. */
export function frameOf(seed: number, rows: number): TrainingFrame {
  const random = seededRandom(seed);
  const a = Float32Array.from({ length: rows }, () => (random() < 0.1 ? Number.NaN : random() * 10 - 5));
  const b = Float32Array.from({ length: rows }, () => Math.floor(random() * 6));
  const c = Float32Array.from({ length: rows }, () => Math.exp(random() * 4));
  const labels = Float64Array.from({ length: rows }, (_, row) => {
    const score = (Number.isNaN(a[row]) ? 0.3 : Math.sin(a[row])) + (b[row] === 2 ? 1 : 0) - c[row] / 30;
    return Number(random() < 1 / (1 + Math.exp(-score)));
  });
  return { names: ['a', 'b', 'c'], columns: [a, b, c], labels };
}

/** Writes a frame and a job over it into a folder; gives the path of the job. */
export async function writeEmbeddedJob(
  folder: string,
  { names, columns, labels }: TrainingFrame,
  options: TrainingJob['options'],
): Promise<string> {
  const rows = Array.from(labels, (label, row) => ({
    ...Object.fromEntries(
      names.map((name, i) => [name, Number.isNaN(columns[i][row]) ? null : columns[i][row]] as const),
    ),
    _label: label,
  }));
  writeFileSync(join(folder, 'rows.json'), rows.map((row) => JSON.stringify(row)).join('\n'));
  const database = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await database.connect();
  const columnTypes = [...names, '_label'].map((name) => `${name}: 'DOUBLE'`).join(', ');
  await connection.run(
    `COPY (SELECT * FROM read_json('${join(folder, 'rows.json')}', columns = {${columnTypes}})) TO '${join(folder, 'set.parquet')}' (FORMAT PARQUET)`,
  );
  connection.closeSync();
  database.closeSync();
  const job = { format: 1, model: 'm', task: 'binary', trainingSet: 'set.parquet', features: names, options };
  writeFileSync(join(folder, 'job.json'), JSON.stringify(job));
  return join(folder, 'job.json');
}

/** The command that trains a job of a file. */
export function jobCommand(job: string): [string, ...string[]] {
  return [process.execPath, '--conditions=headrace-source', resolve('src/cli/main.ts'), 'train', 'job', job];
}
