import { numberText } from '../../base/number-text.ts';
import type { ValueChange } from '../../ports/playbook-store.ts';
import type { KnownChange } from './beyond-range.ts';
import type { ColumnSide } from './column-side.ts';
import { quantileOf } from './distribution.ts';
import { knownChange } from './known-change.ts';
import { FACTOR_CHANGES, SIGN_CHANGE } from './unit-changes.ts';

/** Values in another unit, or with the sign turned. */
export interface UnitFault {
  readonly kind: 'unit' | 'sign';
  readonly text: string;
  /** Rows with it. */
  readonly rows: number;
  readonly change: ValueChange;
}

const QUANTILES = [0.1, 0.25, 0.5, 0.75, 0.9];

/** A factor that no population grows by, as a logarithm: a greater one need not be exact. */
const GREAT = Math.log(20);
/** Logarithms of factors that windows of one population differ by. */
const ALIKE = Math.log(2);

/** Finds the unit or sign of a column that changed, in all rows or in a share of them; null: none did. */
export function unitFault(reference: ColumnSide, current: ColumnSide): UnitFault | null {
  const [a, b] = [reference.distribution, current.distribution];
  if (a === null || b === null || a.n < 100 || b.n < 100 || reference.distinct < 20) return null;
  const was = QUANTILES.map((q) => quantileOf(a, q) ?? 0);
  const is = QUANTILES.map((q) => quantileOf(b, q) ?? 0);
  const factor = greatFactor(was, is) ?? smallFactor(was, is);
  if (factor !== null) {
    const text = `all values ${factorText(Math.exp(factor.log))} (${factor.names.join(', or ')})`;
    return { kind: 'unit', text, rows: current.rows, change: { share: 1, times: Math.exp(factor.log) } };
  }
  const known = knownChange(a, b);
  return known === null ? null : faultOf(known, current.rows - current.missing);
}

function faultOf({ change, names, share }: KnownChange, values: number): UnitFault {
  const { times, plus } = change;
  const whose = share >= 0.95 ? 'all values' : `${Math.round(100 * share)} % of values`;
  const rows = Math.round(share * values);
  if (change === SIGN_CHANGE)
    return { kind: 'sign', text: `the sign of ${whose} turned`, rows, change: { share, times } };
  if (plus === 0)
    return {
      kind: 'unit',
      text: `${whose} ${factorText(times)} (${names.join(', or ')})`,
      rows,
      change: { share, times },
    };
  return { kind: 'unit', text: `${whose} went from ${change.name}`, rows, change: { share, times, plus } };
}

function factorText(times: number): string {
  const by = times >= 1 ? times : 1 / times;
  return `${times >= 1 ? 'multiplied' : 'divided'} by about ${numberText(by, 2)}`;
}

interface Factor {
  readonly log: number;
  readonly names: readonly string[];
}

/** Pairs of quantiles whose distance is a spread: that of values around 0 too. */
const SPREADS = [
  [0, 4],
  [1, 3],
  [0, 2],
  [2, 4],
] as const;

/** Every spread grew by about the same factor, one that no population grows by, and near one between units. */
function greatFactor(was: readonly number[], is: readonly number[]): Factor | null {
  const logs = SPREADS.flatMap(([from, to]) => {
    const [x, y] = [was[to] - was[from], is[to] - is[from]];
    return x > 0 && y > 0 ? [Math.log(y / x)] : [];
  }).sort((x, y) => x - y);
  if (logs.length < 2) return null;
  const log = (logs[(logs.length - 1) >> 1] + logs[logs.length >> 1]) / 2;
  if (Math.abs(log) <= GREAT || logs.some((one) => Math.abs(one - log) > ALIKE)) return null;
  return near(log, ALIKE);
}

/** All five quantiles moved by one factor, and it is one between units. A share that is often 0 moves by 1.6 in the other three from week to week. */
function smallFactor(was: readonly number[], is: readonly number[]): Factor | null {
  const logs = was.flatMap((x, i) => (x !== 0 && x > 0 === is[i] > 0 && is[i] !== 0 ? [Math.log(is[i] / x)] : []));
  if (logs.length < QUANTILES.length) return null;
  const log = [...logs].sort((x, y) => x - y)[logs.length >> 1];
  return logs.some((one) => Math.abs(one - log) > 0.05) ? null : near(log, 0.03);
}

/** The units whose factor is near; null: none is. */
function near(log: number, within: number): Factor | null {
  const units = FACTOR_CHANGES.filter(({ times }) => Math.abs(log - Math.log(times)) < within);
  return units.length === 0 ? null : { log, names: units.map(({ name }) => name) };
}
