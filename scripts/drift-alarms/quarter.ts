import { LEAST_EFFECT } from '../../src/monitoring/detect/judge-features.ts';
import { type MonitorWindow, none, windowOf } from '../../src/monitoring/monitor/judge-windows.ts';
import { overall } from '../../src/monitoring/monitor/overall-state.ts';
import { wholeReference } from '../../src/monitoring/monitor/reference.ts';
import type { ColumnSketch } from '../../src/monitoring/profile/column-sketch.ts';
import { FEATURES, type JudgedFeature, judged, limitOf, MONITOR, matchedOf, QUARTER } from './judge.ts';
import { type PoolId, sketchOf, windowRows } from './pools.ts';
import {
  bareReference,
  countRows,
  fullReference,
  isWeekend,
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

/** Hours of a week: a reference with a season is one for each of them. */
const WEEK = 168;

/** References of the features, by hour of the week where there is a season, as shares and logarithms of shares, with the least PSI that can be drift. */
export interface References {
  readonly count: number;
  /** 1 without a season. */
  readonly hours: number;
  readonly shares: Float64Array;
  readonly logs: Float64Array;
  /** Those of all hours, which `psi>` compares with. */
  readonly all: Omit<References, 'all' | 'beyond'>;
  /** The plain PSI above which a window is beyond both the limit and the least effect. */
  readonly beyond: Float64Array;
}

/** The counts of many references: those of a dependence and a season serve windows of every size. */
export function countedReferences(id: Omit<ReferenceId, 'index'>, count: number): readonly ReferenceCounts[] {
  return Array.from({ length: count }, (_, index) => countRows(referenceRows({ ...id, index }), id.season));
}

/** The short path's half of a reference: the product's limit, and the shares that PSI needs. */
export function referencesOf(counted: readonly ReferenceCounts[], n: number): References {
  const count = counted.length;
  const hours = counted.some(({ seasonal }) => seasonal !== null) ? WEEK : 1;
  const places = count * hours;
  const [shares, logs] = [new Float64Array(places * FILLED), new Float64Array(places * FILLED)];
  const beyond = new Float64Array(places);
  const whole = { count, hours: 1, shares: new Float64Array(count * FILLED), logs: new Float64Array(count * FILLED) };
  counted.forEach((counts, r) => {
    const bare = limitOf(bareReference(counts, 'f0'), 'f0', n)?.psi ?? 0;
    const all = new Float64Array(FILLED).map((_, b) => counts.chunks.reduce((sum, chunk) => sum + chunk[b], 0));
    fillShares(whole, r, all);
    for (let hour = 0; hour < hours; hour += 1) {
      const matched = matchedOf(counts.seasonal, hour, n);
      const [own, psi] = matched === null ? [all, bare] : [matched.counts.subarray(0, FILLED), matched.limit.psi];
      const rows = own.reduce((sum, one) => sum + one, 0);
      const place = r * hours + hour;
      beyond[place] = Math.max(LEAST_EFFECT, psi) + (FILLED - 1) * (1 / rows + 1 / n);
      fillShares({ shares, logs }, place, own);
    }
  });
  return { count, hours, shares, logs, beyond, all: whole };
}

function fillShares({ shares, logs }: ShareTable, place: number, counts: Float64Array): void {
  const rows = counts.reduce((sum, one) => sum + one, 0);
  for (let b = 0; b < FILLED; b += 1) {
    shares[place * FILLED + b] = (counts[b] + 0.5) / (rows + FILLED / 2);
    logs[place * FILLED + b] = Math.log(shares[place * FILLED + b]);
  }
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
  { shares, logs }: ShareTable,
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
      const place = reference * references.hours + (hour % references.hours);
      const counts = windows[isWeekend(hour) ? 1 : 0];
      if (quickPsi(references.all, reference, counts, window, table) > 0.2) overPsi[hour] = 1;
      if (quickPsi(references, place, counts, window, table) > references.beyond[place]) hot.push({ hour, window });
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
  const full = await fullReference(referenceRows({ ...cell, seed, index: reference }), 'f0', cell.season);
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
    const matched = matchedOf(full.seasonal, at, cell.n);
    return windowOf(span, judged([{ reference: whole, current: sketchOf(rows, 2), limit, matched }, ...quiet]), null);
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
