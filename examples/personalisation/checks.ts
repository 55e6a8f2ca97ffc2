import type { Headrace, SkewReport } from 'headrace';
import type { RunCheck } from '../flights/checks.ts';
import { clicks, purchases } from './declaration.ts';
import type { LiveTotals } from './live.ts';
import type { LoadResult } from './open-loop.ts';

export interface RunTotals {
  /** Events taken before the load. */
  readonly history: number;
  readonly peak: LoadResult | null;
  readonly load: LoadResult;
  readonly live: LiveTotals;
  readonly skew: SkewReport;
  /** Share of the vectors that are logged. */
  readonly sampleRate: number;
}

/** Holds a demonstration against what it sent and against its own history; budgets are no check, they depend on the machine. */
export async function checkRun(headrace: Headrace, totals: RunTotals): Promise<readonly RunCheck[]> {
  const { history, peak, load, live, skew, sampleRate } = totals;
  const sent = history + live.clicks + live.purchases;
  const kept = (await rows(headrace, clicks)) + (await rows(headrace, purchases));
  const answered = load.answered + (peak?.answered ?? 0);
  const asked = load.sent + (peak?.sent ?? 0);
  const errors = load.errors + (peak?.errors ?? 0);
  const unseen = live.freshnessMs.filter(Number.isNaN).length;
  // Chosen by chance: four deviations below what is expected.
  const expected = answered * sampleRate;
  const wanted = Math.max(1, Math.floor(expected - 4 * Math.sqrt(expected)));
  return [
    check('every request is answered', errors === 0 && answered === asked, `${asked} asked, ${errors} errors`),
    check('every answer is complete', load.incomplete === 0, `${load.incomplete} lack a feature`),
    check('every event is in the history once', kept === sent && live.refused === 0, `${sent} sent, ${kept} kept`),
    check(
      'every event is seen in what is served',
      live.freshnessMs.length > 0 && unseen === 0,
      `${live.freshnessMs.length} probes, ${unseen} unseen`,
    ),
    check(
      'served vectors equal the history',
      skew.mismatches.logic === 0,
      `${skew.vectors} recomputed, ${skew.mismatches.logic} mismatches of logic`,
    ),
    check('enough vectors were recomputed', skew.vectors >= wanted, `${skew.vectors} of at least ${wanted}`),
  ];
}

function check(name: string, passed: boolean, found: string): RunCheck {
  return { name, passed, found };
}

async function rows(headrace: Headrace, source: typeof clicks | typeof purchases): Promise<number> {
  const sql = `SELECT CAST(count(DISTINCT id) AS DOUBLE) FROM ${headrace.features.deliveries(source)}`;
  for await (const [[count]] of headrace.offline.query(sql)) return Number(count);
  return 0;
}
