import { DAY_MS } from '../../base/time.ts';
import { SIGN, TS } from '../plan/names.ts';
import type { PartAggregate, PartKind } from '../plan/parts.ts';
import type { Dialect } from './dialect.ts';
import { stampSql, valueTextSql, wideSql } from './partial.ts';
import { bigint, floorSql } from './text.ts';

/** How an event names its part, what it keeps there, and how a part's events fold. */
interface PartText {
  readonly part: string;
  readonly value: string;
  readonly fold: string;
  /** The fold before the last one, where it is another: the last makes text of a number. */
  readonly tileFold?: string;
}

/** The columns of an event that its part needs, as a SELECT over the view's events: the given columns, `part`, `val`. */
export function eventPartsSql(
  aggregate: PartAggregate,
  events: string,
  columns: readonly string[],
  dialect: Dialect,
): string {
  const { part, value } = partText(aggregate, dialect);
  const from = aggregate.kind === 'approxDistinct' ? hashedSql(aggregate, events, columns, dialect) : events;
  const present = aggregate.kind === 'approxDistinct' ? 'digest' : aggregate.input;
  return `SELECT ${[...columns, `${part} AS part`, `${value} AS val`].join(', ')}\nFROM ${from}\nWHERE ${present} IS NOT NULL`;
}

/** The part of an event and what it keeps there as one text; null where it has none. `part-element.ts` reads it. */
export function partElementSql(aggregate: PartAggregate, dialect: Dialect): string {
  const { kind, input, inputType } = aggregate;
  const text = valueTextSql(input, inputType, dialect);
  switch (kind) {
    case 'lastN':
      return `${stampSql()} || ${text}`;
    case 'distinct':
    case 'topK':
    case 'topKCounts':
      return text;
    case 'meanOfDays':
    case 'minOfDays':
    case 'maxOfDays':
    case 'quantileOfDays':
      return `CAST(${floorSql(TS, DAY_MS)} AS STRING) || ' ' || ${text}`;
    case 'quantile':
      return `CAST(${binSql(input)} AS STRING)`;
    case 'images':
      return `CASE WHEN ${SIGN} > 0 THEN '+' ELSE '-' END || ${stampSql()} || ${text}`;
    case 'approxDistinct':
      return `CAST(${bucketSql(`MD5(${text})`)} * 64 + ${rhoSql(`MD5(${text})`)} AS STRING)`;
    default:
      return kind satisfies never;
  }
}

/** A condition on folded parts: an image that was taken away is none. */
export function havingSql(aggregate: PartAggregate): string {
  return aggregate.kind === 'images' ? '\nHAVING SUM(val) <> 0' : '';
}

/** Folds `val` of the events of one part to one that folds again. */
export function tileFoldSql(aggregate: PartAggregate, dialect: Dialect): string {
  const { fold, tileFold = fold } = partText(aggregate, dialect);
  return tileFold;
}

/** Folds `val` of the events of one part. */
export function foldSql(aggregate: PartAggregate, dialect: Dialect): string {
  return partText(aggregate, dialect).fold;
}

function partText({ kind, input, inputType }: PartAggregate, dialect: Dialect): PartText {
  const counted = () => ({
    part: valueTextSql(input, inputType, dialect),
    value: bigint(1),
    fold: 'CAST(SUM(val) AS BIGINT)',
  });
  const ofDay = () => ({
    part: floorSql(TS, DAY_MS),
    value: wideSql(input),
    fold: 'CAST(SUM(val) AS STRING)',
    tileFold: 'SUM(val)',
  });
  const texts: Readonly<Record<PartKind, () => PartText>> = {
    // A stamp is unique: the fold has one value to take.
    lastN: () => ({ part: stampSql(), value: valueTextSql(input, inputType, dialect), fold: 'MAX(val)' }),
    distinct: () => ({ part: valueTextSql(input, inputType, dialect), value: bigint(1), fold: 'MAX(val)' }),
    topK: counted,
    topKCounts: counted,
    meanOfDays: ofDay,
    minOfDays: ofDay,
    maxOfDays: ofDay,
    quantileOfDays: ofDay,
    quantile: () => ({ part: binSql(input), value: bigint(1), fold: 'CAST(SUM(val) AS BIGINT)' }),
    images: () => ({
      part: `${stampSql()} || ${valueTextSql(input, inputType, dialect)}`,
      value: SIGN,
      fold: 'CAST(SUM(val) AS BIGINT)',
    }),
    approxDistinct: () => ({ part: bucketSql('digest'), value: rhoSql('digest'), fold: 'MAX(val)' }),
  };
  return texts[kind]();
}

function hashedSql(
  { input, inputType }: PartAggregate,
  events: string,
  columns: readonly string[],
  dialect: Dialect,
): string {
  return `(SELECT ${columns.join(', ')}, MD5(${valueTextSql(input, inputType, dialect)}) AS digest FROM ${events}) AS h`;
}

const HEX_DIGITS = "'0123456789abcdef'";

/** The first three hexadecimal digits of an MD5 as a number from 0 to 4095. */
function bucketSql(digest: string): string {
  const digit = (at: number) => `(POSITION(SUBSTRING(${digest}, ${at}, 1) IN ${HEX_DIGITS}) - 1)`;
  return `CAST(${digit(1)} * 256 + ${digit(2)} * 16 + ${digit(3)} AS BIGINT)`;
}

/** The rank of the first one among the next 52 bits: 4 a leading zero digit, then that of the digit; 53 if there is none. */
function rhoSql(digest: string): string {
  const rest = `TRIM(LEADING '0' FROM SUBSTRING(${digest}, 4, 13))`;
  const first = `SUBSTRING(${rest}, 1, 1)`;
  const within = `CASE WHEN ${rest} = '' THEN 1 WHEN ${first} >= '8' THEN 1 WHEN ${first} >= '4' THEN 2 WHEN ${first} >= '2' THEN 3 ELSE 4 END`;
  return `CAST(4 * (13 - CHAR_LENGTH(${rest})) + ${within} AS BIGINT)`;
}

/** Bins per octave of a quantile's partial: 2^6. */
const BITS = 6n;

/** `x - MOD(x, w)`, w the power of two of x's magnitude: equal on all engines, since it is integers only. */
function binSql(input: string): string {
  const branches: string[] = [];
  for (let bits = BITS + 1n; bits < 63n; bits += 1n) {
    const limit = 2n ** bits - 1n;
    branches.push(
      `WHEN ${input} BETWEEN ${bigint(-limit)} AND ${bigint(limit)} THEN ${bigint(2n ** (bits - BITS - 1n))}`,
    );
  }
  const widest = bigint(2n ** (63n - BITS - 1n));
  // −2^63 alone has 64 bits; its width is twice the widest, and both divide it.
  return `${input} - MOD(${input}, CASE ${branches.join(' ')} ELSE ${widest} END)`;
}
