import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { compareToReference } from './compare-to-reference.ts';
import { type MonitorWindow, none, type Span, type Watched, windowOf } from './judge-windows.ts';
import { firstAnswers, SCORE_CHUNKS, type ScoreMemory, scoreReference, scoreWindow } from './score-reference.ts';
import { spanText } from './span-text.ts';
import { servedSpan } from './window-profiles.ts';

/**
 * Scores against the version's first answers: those of ten windows, later of two days and of two weeks, of the same hours. Tenths of them
 * say how much scores move by themselves.
 */
export async function predictionWindows(
  watched: Pick<Watched, 'model' | 'version'>,
  monitor: ResolvedMonitor,
  history: OfflineStore,
  spans: readonly Span[],
  memory: ScoreMemory,
): Promise<readonly MonitorWindow[]> {
  const { model, version } = watched;
  const served = await servedSpan(history, model, version);
  if (served === null)
    return spans.map((span) => none(span, 'insufficient', `version ${version} has not answered yet`));
  const windows: MonitorWindow[] = [];
  for (const span of spans) {
    const first = firstAnswers(served.from, monitor.windowMs, span);
    if (first === null) {
      const reason = `the first ${SCORE_CHUNKS} windows of version ${version} are its reference`;
      windows.push(none(span, 'insufficient', reason));
      continue;
    }
    const reference = await scoreReference(history, watched, first, memory);
    const bins = reference.chunks[0].columns.get('score')?.bins ?? null;
    const window = await scoreWindow(history, watched, span, bins);
    const { comparison, unmatched } = compareToReference(
      { ...reference, name: 'first answers' },
      { name: spanText(span), ...window },
      monitor,
    );
    windows.push(windowOf(span, comparison, unmatched));
  }
  return windows;
}
