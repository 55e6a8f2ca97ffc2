import type { LabelSpec, ModelData, ProxyData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { labelJoin } from '../../registry/labels.ts';
import { countedPredictions } from '../../serving/online/prediction-table.ts';
import { type Moments, NO_MOMENTS, varianceOf, withValue } from '../../stats/moments.ts';

/** Shares of a distribution of times, ms. */
export interface Lag {
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
}

/** An early sign of the label: how well it tells it, how much earlier, and what it says of a window. */
export interface ProxyReport {
  readonly proxy: string;
  readonly state: 'measured' | 'insufficient';
  readonly reason: string;
  /** Predictions of the version before the end of the window that have both, and their correlation (Pearson) with its 95 % interval by Fisher's z. */
  readonly pairs: number;
  readonly correlation: { readonly value: number; readonly low: number; readonly high: number } | null;
  /** From the prediction to the proxy, to the label, and how much earlier the proxy came. Only events count, no value that is declared where none came. */
  readonly lag: { readonly proxy: Lag | null; readonly label: Lag | null; readonly lead: Lag | null };
  /** Predictions of the window, those with a value, and its mean; before: of the version before the window. */
  readonly window: { readonly predictions: number; readonly known: number; readonly mean: number | null };
  readonly before: { readonly known: number; readonly mean: number | null };
  /** Whether the mean moved, by its 95 % interval; null: too few values. */
  readonly moved: { readonly low: number; readonly high: number; readonly isCertain: boolean } | null;
  /** The mean label of the window if the relation still holds, by linear regression; null: nothing to go by. */
  readonly labelEstimate: { readonly mean: number; readonly assumes: string } | null;
}

/** Predictions that are read: of more, an even sample by id. */
const MOST = 50_000;
/** Pairs below which nothing is said. */
const LEAST = 100;
const Z95 = 1.959964;
const ASSUMES = 'the relation of proxy and label is that of the labelled predictions';

/** Columns of the query before those of the events. */
const COLUMNS = 2;

interface Known {
  readonly at: number;
  readonly value: number;
  /** Null: the declared value, without an event. */
  readonly delayMs: number | null;
}

interface Said {
  readonly predictions: ReadonlyMap<string, number>;
  readonly known: ReadonlyMap<string, Known>;
}

/** Measures the proxies of a model on a version's predictions until the end of a window, as known at `now`. */
export async function proxyReports(
  model: ModelData,
  history: Pick<OfflineStore, 'query' | 'relation'>,
  version: number,
  span: { readonly from: number; readonly to: number },
  now: number,
): Promise<readonly ProxyReport[]> {
  const { proxies = [] } = model;
  if (proxies.length === 0) return [];
  const read = (spec: LabelSpec) => saidOf(model, history, { version, to: span.to, now, spec });
  const labels = await read(model.label);
  const reports: ProxyReport[] = [];
  for (const proxied of proxies) reports.push(reportOf(proxied, labels, await read(proxied), span));
  return reports;
}

async function saidOf(
  model: ModelData,
  history: Pick<OfflineStore, 'query' | 'relation'>,
  {
    version,
    to,
    now,
    spec,
  }: { readonly version: number; readonly to: number; readonly now: number; readonly spec: LabelSpec },
): Promise<Said> {
  const join = labelJoin(spec, history, now);
  const time = Object.keys(spec.from.columns).indexOf(spec.from.time);
  const of = `"version" = ${version}`;
  const counted = countedPredictions(model, history, { from: null, to, idsOf: of });
  const answers = `SELECT "id" AS _id, "at" AS _at FROM (${counted}) WHERE ${of} ORDER BY hash("id"), "id" LIMIT ${MOST}`;
  const predictions = new Map<string, number>();
  const known = new Map<string, Known>();
  for await (const rows of history.query(join.wrap.sql(answers)))
    for (const row of rows) {
      const [id, at] = [String(row[0]), Number(row[1])];
      predictions.set(id, at);
      const { value } = join.read(row.slice(COLUMNS), at);
      if (value === null) continue;
      const came = row.at(-1) === true ? Number(row[COLUMNS + time]) - at : null;
      known.set(id, { at, value, delayMs: came });
    }
  return { predictions, known };
}

function reportOf({ name }: ProxyData, labels: Said, signs: Said, { from }: { readonly from: number }): ProxyReport {
  const pairs = [...signs.known].flatMap(([id, sign]) => {
    const label = labels.known.get(id);
    return label === undefined ? [] : [{ sign, label }];
  });
  const [inside, before] = split(signs.known.values(), from);
  const predictions = [...signs.predictions.values()].filter((at) => at >= from).length;
  const fit = lineOf(pairs.map(({ sign, label }) => [sign.value, label.value]));
  const isMeasured = pairs.length >= LEAST && fit !== null;
  const enough = isMeasured && inside.n >= LEAST;
  return {
    proxy: name,
    state: isMeasured ? 'measured' : 'insufficient',
    reason: isMeasured
      ? `${pairs.length} predictions have both`
      : pairs.length < LEAST
        ? `${pairs.length} predictions have both, ${LEAST} are needed`
        : 'proxy or label is the same in all of them',
    pairs: pairs.length,
    correlation: isMeasured ? correlationOf(fit.correlation, pairs.length) : null,
    lag: {
      proxy: lagOf([...signs.known.values()].map(({ delayMs }) => delayMs)),
      label: lagOf([...labels.known.values()].map(({ delayMs }) => delayMs)),
      lead: lagOf(
        pairs.map(({ sign, label }) =>
          sign.delayMs === null || label.delayMs === null ? null : label.delayMs - sign.delayMs,
        ),
      ),
    },
    window: { predictions, known: inside.n, mean: inside.n === 0 ? null : inside.mean },
    before: { known: before.n, mean: before.n === 0 ? null : before.mean },
    moved: inside.n >= LEAST && before.n >= LEAST ? movedOf(inside, before) : null,
    labelEstimate: enough ? { mean: fit.at(inside.mean), assumes: ASSUMES } : null,
  };
}

function split(values: Iterable<Known>, from: number): readonly [Moments, Moments] {
  let [inside, before] = [NO_MOMENTS, NO_MOMENTS];
  for (const { at, value } of values) {
    if (at >= from) inside = withValue(inside, value);
    else before = withValue(before, value);
  }
  return [inside, before];
}

function movedOf(inside: Moments, before: Moments): NonNullable<ProxyReport['moved']> {
  const error = Math.sqrt(varianceOf(inside) / inside.n + varianceOf(before) / before.n);
  const gap = inside.mean - before.mean;
  const [low, high] = [gap - Z95 * error, gap + Z95 * error];
  return { low, high, isCertain: low > 0 || high < 0 };
}

/** Least squares of the label on the proxy; null: a side does not vary. */
function lineOf(
  pairs: readonly (readonly [number, number])[],
): { readonly correlation: number; readonly at: (x: number) => number } | null {
  const n = pairs.length;
  if (n === 0) return null;
  const mx = pairs.reduce((sum, [x]) => sum + x, 0) / n;
  const my = pairs.reduce((sum, [, y]) => sum + y, 0) / n;
  let [xx, xy, yy] = [0, 0, 0];
  for (const [x, y] of pairs) {
    xx += (x - mx) ** 2;
    xy += (x - mx) * (y - my);
    yy += (y - my) ** 2;
  }
  if (xx === 0 || yy === 0) return null;
  return { correlation: xy / Math.sqrt(xx * yy), at: (x) => my + (xy / xx) * (x - mx) };
}

/** Fisher 1915: atanh r is about normal with variance 1/(n − 3). */
function correlationOf(value: number, n: number): NonNullable<ProxyReport['correlation']> {
  const clipped = Math.max(-1 + 1e-15, Math.min(1 - 1e-15, value));
  const [z, half] = [Math.atanh(clipped), Z95 / Math.sqrt(n - 3)];
  return { value, low: Math.tanh(z - half), high: Math.tanh(z + half) };
}

function lagOf(delays: readonly (number | null)[]): Lag | null {
  const sorted = delays.filter((delay) => delay !== null).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))];
  return { p10: at(0.1), p50: at(0.5), p90: at(0.9) };
}
