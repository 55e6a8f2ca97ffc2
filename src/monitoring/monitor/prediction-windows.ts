import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { sideOfSketch } from '../detect/column-side.ts';
import { compareProfiles } from '../detect/compare-profiles.ts';
import { parseDriftRule } from '../detect/drift-rule.ts';
import { kindOf } from '../detect/feature-kind.ts';
import { referenceBins } from '../detect/reference-bins.ts';
import { createColumnSketch } from '../profile/column-sketch.ts';
import type { Profile } from '../profile/profile.ts';
import { type MonitorWindow, none, type Span, spanText, type Watched, windowOf } from './judge-windows.ts';
import { type Reference, referenceLimit, wholeReference } from './reference.ts';
import { scoreProfile, servedSpan } from './window-profiles.ts';

/** Windows of scores that the reference of a version's scores has: its first ones. */
const SCORE_CHUNKS = 10;

/**
 * Scores against the version's first answers, as long as it takes for ten windows. Those windows are the chunks that say how much
 * scores move by themselves.
 */
export async function predictionWindows(
  watched: Pick<Watched, 'model' | 'version'>,
  monitor: ResolvedMonitor,
  history: OfflineStore,
  spans: readonly Span[],
): Promise<readonly MonitorWindow[]> {
  const { model, version } = watched;
  const served = await servedSpan(history, model, version);
  if (served === null)
    return spans.map((span) => none(span, 'insufficient', `version ${version} has not answered yet`));
  const until = served.from + SCORE_CHUNKS * monitor.windowMs;
  const judged = spans.filter(({ from }) => from >= until);
  const reference = judged.length === 0 ? null : await scoreReference(watched, monitor, history, served.from);
  const windows: MonitorWindow[] = [];
  for (const span of spans) {
    if (span.from < until || reference === null) {
      const reason = `the first ${SCORE_CHUNKS} windows of version ${version} are its reference`;
      windows.push(none(span, 'insufficient', reason));
      continue;
    }
    const whole = wholeReference(reference);
    const profile = await scoreProfile(history, model, version, span, whole);
    const comparison = compareProfiles(
      { name: 'first answers', rows: whole.rows, profile: whole },
      { name: spanText(span), rows: profile.rows, profile },
      {
        rule: parseDriftRule(monitor.rule),
        windowsPerDay: Math.max(1, Math.round(86_400_000 / monitor.windowMs)),
        limitOf: (name) => referenceLimit(reference, name, profile.rows),
      },
    );
    windows.push(windowOf(span, comparison));
  }
  return windows;
}

/** The first windows of scores, counted over bins that are frozen from all of them. */
async function scoreReference(
  { model, version }: Pick<Watched, 'model' | 'version'>,
  { windowMs }: ResolvedMonitor,
  history: OfflineStore,
  from: number,
): Promise<Reference> {
  const all = await scoreProfile(history, model, version, { from, to: from + SCORE_CHUNKS * windowMs });
  const like = binned(all);
  const chunks: Profile[] = [];
  for (let i = 0; i < SCORE_CHUNKS; i += 1) {
    const at = from + i * windowMs;
    chunks.push(await scoreProfile(history, model, version, { from: at, to: at + windowMs }, like));
  }
  return { createdAt: from, chunks };
}

function binned(profile: Profile): Profile {
  const columns = [...profile.columns].map(([name, sketch]) => {
    const side = sideOfSketch(sketch);
    return [name, createColumnSketch(sketch.type, referenceBins(side, kindOf(side)))] as const;
  });
  return { rows: 0, columns: new Map(columns) };
}
