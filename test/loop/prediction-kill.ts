import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { predictionTopic } from '../../src/serving/online/prediction-record.ts';
import { predictionTable } from '../../src/serving/online/prediction-table.ts';
import { mustEqual } from '../../src/testing/contracts/contract.ts';
import { type KillPoint, killProcess } from '../kill-process.ts';
import { came, small } from '../models/small-project.ts';
import { environmentIn, project } from './prediction-project.ts';

const PREDICTOR = fileURLToPath(new URL('./predictor.ts', import.meta.url));
const DAY_MS = 86_400_000;

/** What was acknowledged over all processes: scores by number of the prediction, and numbers that have a label. */
export interface Acknowledged {
  readonly scores: Map<number, number>;
  readonly labels: Set<number>;
  /** The first number that no process has used. */
  next: number;
}

export const nothingAcknowledged = (): Acknowledged => ({ scores: new Map(), labels: new Set(), next: 0 });

/** Starts the predictor, kills it (SIGKILL) at a point, and notes the answers. */
export async function killPredictor(
  directory: string,
  acknowledged: Acknowledged,
  seed: number,
  at: KillPoint,
  memory?: string,
): Promise<void> {
  const args = ['--conditions=headrace-source', PREDICTOR, directory, `${acknowledged.next}`, `${seed}`];
  if (memory !== undefined) args.push(memory);
  const printed = await killProcess(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] }), at);
  // The text after the last line end was cut.
  for (const line of printed.split('\n').slice(0, -1)) {
    const [kind, n, score] = line.split(' ');
    if (kind === 'p') acknowledged.scores.set(Number(n), Number(score));
    else acknowledged.labels.add(Number(n));
  }
}

/**
 * Opens everything again: each acknowledged prediction is in the history once with its score, each acknowledged label is
 * joined, the history is the topic record by record, and the quality in memory is that of the history. Resolves to the ids that wait on the
 * disk.
 */
export async function checkPredictions(
  directory: string,
  acknowledged: Acknowledged,
  memory?: string,
): Promise<number> {
  const headrace = await openHeadrace({ project, environment: environmentIn(directory, memory) });
  try {
    const { counters, quality } = headrace.outcomes(small);
    const afterOpen = { ...counters };
    const table = headrace.history.relation(predictionTable(small));
    await headrace.flush();
    const rows = await rowsOf(headrace, `SELECT id, score FROM ${table}`);
    const scores = new Map(rows.map(([id, score]) => [String(id), Number(score)]));
    mustEqual(scores.size, rows.length, 'predictions that are in the history once');
    // Predictions of which no answer came may be logged: their numbers are not used again.
    for (const id of scores.keys()) acknowledged.next = Math.max(acknowledged.next, Number(id.slice(1)) + 1);
    for (const [n, score] of acknowledged.scores) mustEqual(scores.get(`p${n}`), score, `the score of p${n}`);
    mustEqual(
      await rowsOf(headrace, `SELECT log_partition, log_offset, id FROM ${table} ORDER BY ALL`),
      await recordsOf(headrace),
      'the history and the topic',
    );
    const labels = headrace.history.relation(rawTable(came));
    const labelled = await rowsOf(
      headrace,
      `SELECT DISTINCT asked FROM ${labels} WHERE _verdict = 'accepted' AND asked IN (SELECT id FROM ${table})`,
    );
    const joined = new Set(labelled.map(([id]) => String(id)));
    for (const n of acknowledged.labels)
      if (acknowledged.scores.has(n) && !joined.has(`p${n}`)) throw new Error(`the label of p${n} is lost`);
    mustEqual(
      [afterOpen.predictions, afterOpen.labelled, afterOpen.pending, afterOpen.orphanLabels],
      [rows.length, joined.size, rows.length - joined.size, 0],
      'predictions, labelled, pending and orphan labels after the start',
    );
    const span = [Date.now() - 2 * DAY_MS, Date.now() + DAY_MS] as const;
    const history = await headrace.realisedQuality(small, ...span);
    mustEqual(quality.between(...span), history.between(...span), 'the quality in memory and that of the history');
    const { text } = await headrace.metrics();
    return Number(/headrace_label_ids\{[^}]*place="disk"\} (\d+)/.exec(text)?.[1]);
  } finally {
    await headrace.close();
  }
}

async function rowsOf(headrace: Headrace, sql: string): Promise<readonly (readonly unknown[])[]> {
  const rows: (readonly unknown[])[] = [];
  for await (const some of headrace.history.query(sql)) rows.push(...some);
  return rows;
}

async function recordsOf(headrace: Headrace): Promise<readonly unknown[]> {
  const topic = predictionTopic(small);
  const rows: unknown[] = [];
  for (const [partition, { end }] of (await insideOf(headrace).stores.log.ends(topic)).entries()) {
    const { records } = await insideOf(headrace).stores.log.read(topic, partition, 0, end);
    records.forEach(({ id }, offset) => {
      rows.push([BigInt(partition), BigInt(offset), id]);
    });
  }
  return rows;
}
