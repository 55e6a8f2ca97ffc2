import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RowInputs } from '../../model/row-inputs.ts';
import type { ScoreFiles } from '../../ports/score-files.ts';
import type { EvidenceCounter } from '../rollout/evidence-counter.ts';
import { rowOutcome } from '../rollout/row-outcome.ts';
import type { Part } from './part-manifest.ts';
import type { Rejection } from './score-range.ts';

/** The published parts of a job on this machine. */
export interface LocalParts {
  /** The folder of their files. */
  readonly jobPath: string;
  readonly parts: readonly Part[];
}

/** The scores of one partition, row by row. */
interface PartScores {
  /** NaN where the row was rejected. */
  readonly scores: Float64Array;
  readonly rejected: ReadonlyMap<number, Rejection['code']>;
}

/** Rows that are compared before other work of the process gets its turn. */
const ROWS_A_TURN = 4_096;

/**
 * Counts the challenger's scores of a job against the champion's, row by row. Partitions that the challenger has not published count as
 * dropped; a row that the champion could not score is not compared. Errors: PREDICT_INPUT.
 */
export async function countPairs(
  champion: LocalParts,
  challenger: LocalParts,
  files: ScoreFiles,
  counter: EvidenceCounter,
): Promise<void> {
  const published = new Map(challenger.parts.map((part) => [part.partition, part]));
  for (const part of champion.parts) {
    const other = published.get(part.partition);
    if (other === undefined) {
      counter.copies(part.rows, part.rows);
      continue;
    }
    const own = await scoresOf(champion, part, files);
    await countPart(own, await scoresOf(challenger, other, files), counter);
  }
}

async function countPart(champion: PartScores, challenger: PartScores, counter: EvidenceCounter): Promise<void> {
  for (const [row, score] of champion.scores.entries()) {
    if (row % ROWS_A_TURN === ROWS_A_TURN - 1) await new Promise(setImmediate);
    if (Number.isNaN(score)) continue;
    const code = challenger.rejected.get(row);
    const outcome = code === undefined ? 'scored' : rowOutcome(code);
    if (outcome === null) continue;
    counter.copies(1, 0);
    // Rows of one run have no time of their own.
    counter.call('shadow', outcome, { latencyMs: null });
    if (outcome !== 'scored') continue;
    counter.score('shadow', challenger.scores[row]);
    counter.score('shadowed', score);
    counter.pair(score, challenger.scores[row]);
  }
}

/** The column of scores, which are doubles. */
const SCORE: RowInputs = {
  features: ['score'],
  inputs: [{ name: 'score', type: 'FP64', shape: [], places: [0] }],
  isSingle: false,
};

async function scoresOf({ jobPath }: LocalParts, part: Part, files: ScoreFiles): Promise<PartScores> {
  const scores = new Float64Array(part.to - part.from).fill(Number.NaN);
  const rejected = rejectedOf(jobPath, part);
  if (part.output === null) return { scores, rejected };
  const path = join(jobPath, part.output.file);
  const table = await files.open({ path, features: SCORE.features, keep: [] }, SCORE);
  try {
    const { rows } = await table.read(0, part.rows);
    let at = 0;
    for (let row = 0; row < scores.length; row += 1) {
      if (rejected.has(row)) continue;
      scores[row] = Number(rows.data[0][at]);
      at += 1;
    }
  } finally {
    table.close();
  }
  return { scores, rejected };
}

/** The rejected rows of a part, by their place in it. */
function rejectedOf(jobPath: string, { quarantine, from }: Part): ReadonlyMap<number, Rejection['code']> {
  if (quarantine === null) return new Map();
  const lines = readFileSync(join(jobPath, quarantine.file), 'utf8').split('\n').filter(Boolean);
  return new Map(
    lines.map((line) => {
      const { row, code } = JSON.parse(line) as { row: number; code: Rejection['code'] };
      return [row - from, code];
    }),
  );
}
