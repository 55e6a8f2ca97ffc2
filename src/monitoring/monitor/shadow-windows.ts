import { numberText } from '../../base/number-text.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { ANSWERED, FIRST_PREDICTION, predictionTable } from '../../serving/online/prediction-table.ts';
import { sideOfValues } from '../detect/column-side.ts';
import { compareProfiles } from '../detect/compare-profiles.ts';
import { parseDriftRule } from '../detect/drift-rule.ts';
import { kindOf } from '../detect/feature-kind.ts';
import { referenceBins } from '../detect/reference-bins.ts';
import { addNumber, createColumnSketch } from '../profile/column-sketch.ts';
import type { FrozenBins } from '../profile/frozen-bins.ts';
import { createProfile, type Profile } from '../profile/profile.ts';
import { type MonitorWindow, none, type Span, type Watched, windowOf } from './judge-windows.ts';
import { spanText } from './span-text.ts';

/** Scores of the shadow against those of the champion, on the requests of a window that both scored. */
export async function shadowWindows(
  { model, version }: Pick<Watched, 'model' | 'version'>,
  monitor: ResolvedMonitor,
  history: OfflineStore,
  spans: readonly Span[],
): Promise<readonly MonitorWindow[]> {
  const windows: MonitorWindow[] = [];
  for (const span of spans) {
    const pairs = await pairsOf(model, history, version, span);
    if (pairs.length === 0) {
      windows.push(none(span, 'insufficient', 'no shadow scored a request'));
      continue;
    }
    const [ours, theirs] = [0, 1].map((side) => Float64Array.from(pairs, (pair) => pair[side]));
    const side = sideOfValues(ours);
    const bins = referenceBins(side, kindOf(side));
    const [champion, shadow] = [profileOf(ours, bins), profileOf(theirs, bins)];
    const comparison = compareProfiles(
      { name: `version ${version}`, rows: champion.rows, profile: champion },
      { name: `shadow, ${spanText(span)}`, rows: shadow.rows, profile: shadow },
      {
        rule: parseDriftRule(monitor.rule),
        windowsPerDay: Math.max(1, Math.round(86_400_000 / monitor.windowMs)),
        limitOf: () => null,
      },
    );
    const window = windowOf(span, comparison, null);
    const gap = pairs.reduce((sum, [a, b]) => sum + Math.abs(a - b), 0) / pairs.length;
    windows.push({
      ...window,
      reason: `${window.reason}; the scores of a request differ by ${numberText(gap)} on average`,
    });
  }
  return windows;
}

function profileOf(scores: Float64Array, bins: FrozenBins): Profile {
  const profile = createProfile();
  const sketch = createColumnSketch('number', bins);
  profile.columns.set('score', sketch);
  profile.rows = scores.length;
  for (const score of scores) addNumber(sketch, score);
  return profile;
}

async function pairsOf(
  model: ModelData,
  history: OfflineStore,
  version: number,
  { from, to }: Span,
): Promise<readonly (readonly [number, number])[]> {
  const relation = history.relation(predictionTable(model));
  const span = `"at" >= CAST(${from} AS BIGINT) AND "at" < CAST(${to} AS BIGINT)`;
  const first = `QUALIFY ROW_NUMBER() OVER (PARTITION BY "id" ORDER BY ${FIRST_PREDICTION}) = 1`;
  const sql = `
    SELECT a.score, s.score
    FROM (SELECT "id", score FROM ${relation} WHERE ${ANSWERED} AND "version" = ${version} AND ${span} ${first}) AS a
    JOIN (SELECT "id", score FROM ${relation} WHERE lane = 'shadow' ${first}) AS s ON s."id" = a."id"
    ORDER BY a."id"`;
  const pairs: (readonly [number, number])[] = [];
  for await (const rows of history.query(sql)) for (const [a, b] of rows) pairs.push([Number(a), Number(b)]);
  return pairs;
}
