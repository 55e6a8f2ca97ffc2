import type { Headrace, SkewReport } from 'headrace';
import type { RunCheck } from '../flights/checks.ts';
import { clicks, purchases } from './declaration.ts';
import type { LiveTotals } from './live.ts';
import { type ServerBudget, type ServerMemory, tierLines } from './server-budgets.ts';
import type { Load } from './summary.ts';

export interface RunTotals {
  /** Events ingested before the load. */
  readonly history: number;
  readonly load: Load;
  readonly live: LiveTotals;
  readonly server: readonly ServerBudget[];
  readonly memory: ServerMemory;
  readonly skew: SkewReport;
  /** Share of the vectors that are logged. */
  readonly sampleRate: number;
}

/** Compares a demonstration with the events that it sent, and with its history. Budgets are not checked: they depend on the machine. */
export async function checkRun(headrace: Headrace, totals: RunTotals): Promise<readonly RunCheck[]> {
  const { history, load, live, server, memory, skew, sampleRate } = totals;
  const sent = history + live.clicks + live.purchases;
  const tiers = tierLines(server).map(({ tier }) => tier);
  const kept = (await rows(headrace, clicks)) + (await rows(headrace, purchases));
  const unseen = live.freshnessMs.filter(Number.isNaN).length;
  // Sampling is random: four standard deviations below the expected count.
  const expected = load.answered * sampleRate;
  const wanted = Math.max(1, Math.floor(expected - 4 * Math.sqrt(expected)));
  return [
    check(
      'every request is answered',
      load.errors === 0 && load.answered + load.turnedAway === load.due,
      `${load.due} fell due, ${load.turnedAway} turned away, ${load.errors} errors`,
    ),
    check('every answer is complete', live.incomplete === 0, `${live.asked} checked, ${live.incomplete} incomplete`),
    check('every event is in the history once', kept === sent && live.refused === 0, `${sent} sent, ${kept} kept`),
    check(
      'every event appears in served values',
      live.freshnessMs.length > 0 && unseen === 0,
      `${live.freshnessMs.length} probes, ${unseen} unseen`,
    ),
    // As the alert about it: bytes of keys are estimated.
    check(
      'memory that grows with keys keeps its budget',
      memory.bytes <= 1.05 * memory.budgetBytes,
      `${megabytes(memory.bytes)} of ${megabytes(memory.budgetBytes)} MB`,
    ),
    check('the server measured every tier', tiers.length === 3, tiers.join(', ')),
    check(
      'served vectors equal the history',
      skew.mismatches.logic === 0,
      `${skew.vectors} recomputed, ${skew.mismatches.logic} logic mismatches`,
    ),
    check('enough vectors were recomputed', skew.vectors >= wanted, `${skew.vectors} of at least ${wanted}`),
  ];
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}

function check(name: string, passed: boolean, found: string): RunCheck {
  return { name, passed, found };
}

async function rows(headrace: Headrace, source: typeof clicks | typeof purchases): Promise<number> {
  const sql = `SELECT CAST(count(DISTINCT id) AS DOUBLE) FROM ${headrace.deliveries(source)}`;
  for await (const [[count]] of headrace.history.query(sql)) return Number(count);
  return 0;
}
