import { typeText } from '../../schema/type-text.ts';
import type { AggregateSpec, StreamViewData } from '../define/declaration.ts';
import { expressionText } from '../expression/expression-text.ts';
import { tileHorizonMs } from '../window/tile-horizon.ts';

/** The stored tiles of a view. Other tiles have to be computed from the history. */
export interface TilesKept {
  /** The contents of a tile, in order. */
  readonly aggregates: readonly string[];
  /** How far back the tiles of each hop are read, in ms, by the hop in ms; null: all. */
  readonly keptMs: { readonly [hopMs: string]: number | null };
}

/** The tiles that a view needs. Lateness and skew of its source are omitted: they only delay the drop of a tile. */
export function tilesKept(view: StreamViewData): TilesKept {
  const slackMs = view.source.latenessMs + view.source.futureSkewMs;
  const kept = view.hopsMs.map((hopMs): [string, number | null] => {
    const horizonMs = tileHorizonMs(view, hopMs) - slackMs;
    return [String(hopMs), Number.isFinite(horizonMs) ? horizonMs : null];
  });
  const aggregates = view.aggregates.map((spec) => `${spec.name} = ${aggregateText(spec)}`);
  return { aggregates, keptMs: Object.fromEntries(kept) };
}

/** An aggregate as it is written, with the type of its input: `quantile(e.delay: int, q = 0.9)`. */
export function aggregateText({ kind, input, inputType, params, retracts }: AggregateSpec): string {
  const of = input === null || inputType === null ? [] : [`${expressionText(input)}: ${typeText(inputType)}`];
  const rest = Object.entries(params).map(([param, value]) => `${param} = ${value}`);
  return `${retracts === true ? 'retracting ' : ''}${kind}(${[...of, ...rest.sort()].join(', ')})`;
}
