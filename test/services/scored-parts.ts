import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readBatchManifest } from '../../src/serving/batch/batch-folder.ts';
import { sql } from '../inference/batch-site.ts';

/** The parts of a committed output of `keep: ['name', 'id']`, each with every row and every rejected row with its code. */
export async function scoredParts(folder: string) {
  const manifest = readBatchManifest(folder);
  const at = (file: string) => join(folder, manifest?.folder ?? '', file);
  const parts = [];
  for (const { output, quarantine, ...part } of manifest?.parts ?? []) {
    const rows =
      output === null
        ? []
        : await sql(
            `SELECT CAST(_row AS INTEGER), CAST(id AS INTEGER), name, score, model_version, artifact_digest, job_id FROM read_parquet('${at(output.file)}')`,
          );
    const lines = quarantine === null ? [] : readFileSync(at(quarantine.file), 'utf8').trim().split('\n');
    // Errors of ONNX Runtime have another text in each of its libraries.
    const rejected = lines
      .map((line) => JSON.parse(line))
      .map(({ row, code, reason, features }) => [row, code, code === 'PREDICT_CELL' ? reason : '', features]);
    parts.push({ ...part, rows, rejected });
  }
  return parts;
}
