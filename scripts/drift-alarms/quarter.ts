import { LEAST_EFFECT } from '../../src/monitoring/detect/judge-features.ts';
import { type MonitorWindow, none, windowOf } from '../../src/monitoring/monitor/judge-windows.ts';
import { overall } from '../../src/monitoring/monitor/overall-state.ts';
import { wholeReference } from '../../src/monitoring/monitor/reference.ts';
import type { ColumnSketch } from '../../src/monitoring/profile/column-sketch.ts';
import { FEATURES, type JudgedFeature, judged, limitOf, MONITOR, QUARTER } from './judge.ts';
import { type PoolId, sketchOf, windowRows } from './pools.ts';
import {
  bareReference,
  countRows,
  fullReference,
  isWeekend,
  REFERENCE_ROWS,
  type ReferenceCounts,
  type ReferenceId,
  referenceRows,
} from './references.ts';
import { FILLED, KINDS, randomOf } from './stream.ts';

/** One cell of the table: hourly windows of n rows in which nothing drifts. */
export interface Cell {
  readonly n: number;
  /** Autocorrelation from row to row. */
  readonly rho: number;
  /** Shift at weekends, in standard deviations. */
  readonly season: number;
}

/** References of the features, as shares and logarithms of shares, with the least PSI that can be drift. */
export interface References {
  readonly count: number;
  readonly shares: Float64Array;
  readonly logs: Float64Array;
  /** The plain PSI above which a window is beyond both the limit and the least effect. */
  readonly beyond: Float64Array;
}

/** The counts of many references: those of a dependence and a season serve windows of every size. */
export function countedReferences(id: Omit<ReferenceId, 'index'>, count: number): readonly ReferenceCounts[] {
  return Array.from({ length: count }, (_, index) => countRows(referenceRows({ ...id, index })));
}

/** The short path's half of a reference: the product's limit, and the shares that PSI needs. */
export function referencesOf(counted: readonly ReferenceCounts[], n: number): References {
  const count = counted.length;
  const [shares, logs] = [new Float64Array(count * FILLED), new Float64Array(count * FILLED)];
  const beyond = new Float64Array(count);
  const bias = (FILLED - 1) * (1 / REFERENCE_ROWS + 1 / n);
  for (let r = 0; r < count; r += 1) {
    const counts = counted[r];
    beyond[r] = Math.max(LEAST_EFFECT, limitOf(bareReference(counts, 'f0'), 'f0', n)?.psi ?? 0) + bias;
    for (let b = 0; b < FILLED; b += 1) {
      const own = counts.chunks.reduce((sum, chunk) => sum + chunk[b], 0);
      shares[r * FILLED + b] = (own + 0.5) / (REFERENCE_ROWS + FILLED / 2);
      logs[r * FILLED + b] = Math.log(shares[r * FILLED + b]);
    }
  }
  return { count, shares, logs, beyond };
}

/** Shares and logarithms of shares by count. */
export interface ShareTable {
  readonly shares: Float64Array;
  readonly logs: Float64Array;
}

export function shareTable(n: number): ShareTable {
  const shares = Float64Array.from({ length: n + 1 }, (_, count) => (count + 0.5) / (n + FILLED / 2));
  return { shares, logs: shares.map(Math.log) };
}

/** PSI of a window of a pool against a reference, as `populationStabilityIndex`. Hot path. */
export function quickPsi(
  { shares, logs }: References,
  reference: number,
  counts: Uint32Array,
  window: number,
  table: ShareTable,
): number {
  let psi = 0;
  const [p, q] = [reference * FILLED, window * FILLED];
  for (let b = 0; b < FILLED; b += 1) {
    const count = counts[q + b];
    psi += (shares[p + b] - table.shares[count]) * (logs[p + b] - table.logs[count]);
  }
  return psi;
}

export interface Quarter {
  /** Windows in which an alarm of the default begins. */
  readonly pages: number;
  /** Windows in which some feature is beyond psi>0.2. */
  readonly psi: number;
}

export interface QuarterOptions {
  readonly cell: Cell;
  readonly seed: number;
  readonly run: number;
  readonly references: References;
  /** Counts of windows of weekdays and of weekends. */
  readonly windows: readonly [Uint32Array, Uint32Array];
  readonly table: ShareTable;
}

/**
 * 90 days of one model. Features are drawn from the references, and their windows from the pool. Only where the same feature is beyond its
 * limit in k of the last windows can the default alarm: those windows are judged in full, from their rows.
 */
export async function quarterOf(options: QuarterOptions): Promise<Quarter> {
  const { cell, seed, run, references, windows, table } = options;
  const random = randomOf({ ...cell, seed, kind: KINDS.draws, index: run * 2 + (cell.season > 0 ? 1 : 0) });
  const count = windows[0].length / FILLED;
  const overPsi = new Uint8Array(QUARTER);
  const alarms = new Uint8Array(QUARTER);
  for (let f = 0; f < FEATURES; f += 1) {
    const reference = Math.floor(random() * references.count);
    const hot: Draw[] = [];
    for (let hour = 0; hour < QUARTER; hour += 1) {
      const window = Math.floor(random() * count);
      const psi = quickPsi(references, reference, windows[isWeekend(hour) ? 1 : 0], window, table);
      if (psi > 0.2) overPsi[hour] = 1;
      if (psi > references.beyond[reference]) hot.push({ hour, window });
    }
    for (const [i, { hour }] of hot.entries()) {
      const last = hot.slice(0, i + 1).filter((one) => one.hour > hour - MONITOR.of);
      if (last.length >= MONITOR.k && (await alarmed({ cell, seed, reference, last, hour })))
        for (let h = hour; h < Math.min(QUARTER, last[last.length - MONITOR.k].hour + MONITOR.of); h += 1)
          alarms[h] = 1;
    }
  }
  let pages = 0;
  for (let hour = 0; hour < QUARTER; hour += 1) if (alarms[hour] === 1 && alarms[hour - 1] !== 1) pages += 1;
  return { pages, psi: overPsi.reduce((sum, one) => sum + one, 0) };
}

interface Draw {
  readonly hour: number;
  readonly window: number;
}

interface Alarmed {
  readonly cell: Cell;
  readonly seed: number;
  readonly reference: number;
  /** Windows that may drift. */
  readonly last: readonly Draw[];
  readonly hour: number;
}

/** Whether the monitor alarms: profiles of all rows, the product's comparison, its k of n windows. */
async function alarmed({ cell, seed, reference, last, hour }: Alarmed): Promise<boolean> {
  const full = await fullReference(referenceRows({ ...cell, seed, index: reference }), 'f0');
  const whole = wholeReference(full).columns.get('f0');
  if (whole === undefined) throw new Error('a reference has its feature');
  const limit = limitOf(full, 'f0', cell.n);
  const quiet = quietFeatures(cell);
  const states = Array.from({ length: MONITOR.of }, (_, i): MonitorWindow => {
    const at = hour - MONITOR.of + 1 + i;
    const drawn = last.find((one) => one.hour === at);
    const span = { from: at * MONITOR.windowMs, to: (at + 1) * MONITOR.windowMs };
    if (drawn === undefined) return none(span, 'ok', 'nothing moved', cell.n);
    const rows = windowRows({ ...cell, seed }, drawn.window, isWeekend(at) ? cell.season : 0);
    return windowOf(span, judged([{ reference: whole, current: sketchOf(rows, 2), limit }, ...quiet]), null);
  });
  return overall(states, MONITOR).state === 'drift';
}

/** The other features of a window in which one is looked at: they did not move, so evidence is adjusted as for 100 nulls. */
function quietFeatures({ n }: Pick<PoolId, 'n'>): readonly JudgedFeature[] {
  const spread = (count: number): ColumnSketch =>
    sketchOf(Float64Array.from({ length: count }, (_, i) => ((i % 200) + 0.5) / 200));
  const [reference, current] = [spread(2000), spread(Math.min(n, 2000))];
  return Array.from({ length: FEATURES - 1 }, () => ({ reference, current, limit: null }));
}
