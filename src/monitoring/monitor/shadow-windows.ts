import { numberText } from '../../base/number-text.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { ANSWERED, FIRST_PREDICTION, predictionTable } from '../../serving/online/prediction-table.ts';
import { sideOfSketch } from '../detect/column-side.ts';
import { compareProfiles } from '../detect/compare-profiles.ts';
import { parseDriftRule } from '../detect/drift-rule.ts';
import { kindOf } from '../detect/feature-kind.ts';
import { referenceBins } from '../detect/reference-bins.ts';
import { addNumber, createColumnSketch } from '../profile/column-sketch.ts';
import { type MonitorWindow, none, type Span, type Watched, windowOf } from './judge-windows.ts';
import { addScore, scoreProfile } from './score-reference.ts';
import { spanText } from './span-text.ts';

/** Scores of the shadow against those of the champion, on the requests of a window that both scored. */
export async function shadowWindows(
  { model, version }: Pick<Watched, 'model' | 'version'>,
  monitor: ResolvedMonitor,
  history: Pick<OfflineStore, 'query' | 'relation'>,
  spans: readonly Span[],
): Promise<readonly MonitorWindow[]> {
  const windows: MonitorWindow[] = [];
  const of = { history, model, version };
  for (const span of spans) {
    const scores = createColumnSketch('number');
    let [pairs, gap] = [0, 0];
    await eachPair(of, span, (ours, theirs) => {
      addNumber(scores, ours);
      gap += Math.abs(ours - theirs);
      pairs += 1;
    });
    if (pairs === 0) {
      windows.push(none(span, 'insufficient', 'no shadow scored a request'));
      continue;
    }
    const side = sideOfSketch(scores);
    const bins = referenceBins(side, kindOf(side));
    const [champion, shadow] = [scoreProfile(bins), scoreProfile(bins)];
    await eachPair(of, span, (ours, theirs) => {
      addScore(champion, ours);
      addScore(shadow, theirs);
    });
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
    windows.push({
      ...window,
      reason: `${window.reason}; the scores of a request differ by ${numberText(gap / pairs)} on average`,
    });
  }
  return windows;
}

interface OfVersion {
  readonly history: Pick<OfflineStore, 'query' | 'relation'>;
  readonly model: ModelData;
  readonly version: number;
}

/** The scores of champion and shadow, request by request in one order; none is kept. */
async function eachPair(
  { history, model, version }: OfVersion,
  { from, to }: Span,
  take: (ours: number, theirs: number) => void,
): Promise<void> {
  const relation = history.relation(predictionTable(model));
  const span = `"at" >= CAST(${from} AS BIGINT) AND "at" < CAST(${to} AS BIGINT)`;
  const first = `QUALIFY ROW_NUMBER() OVER (PARTITION BY "id" ORDER BY ${FIRST_PREDICTION}) = 1`;
  const sql = `
    SELECT a.score, s.score
    FROM (SELECT "id", score FROM ${relation} WHERE ${ANSWERED} AND "version" = ${version} AND ${span} ${first}) AS a
    JOIN (SELECT "id", score FROM ${relation} WHERE lane = 'shadow' ${first}) AS s ON s."id" = a."id"
    ORDER BY a."id"`;
  for await (const rows of history.query(sql)) for (const [a, b] of rows) take(Number(a), Number(b));
}
