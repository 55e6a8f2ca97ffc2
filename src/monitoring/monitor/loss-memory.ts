import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import { type AwaitedLabel, settledBefore } from '../../model/label-maturity.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { Span, Watched } from './judge-windows.ts';
import { type SlicedDetectors, type SlicedWatch, slicedWatch } from './sliced-watch.ts';
import { answersBefore } from './window-profiles.ts';

/** A watch over all losses of a version before an instant, whose labels are final. */
interface Kept {
  readonly version: number;
  readonly until: number;
  /** Answers of the version before it: another number means that rows came or were removed. */
  readonly answers: number;
  readonly watch: SlicedWatch;
}

/** The watches of a process that judges again and again, by model and monitor. It is made again from the history. */
export type LossMemory = Map<string, Kept>;

export interface Asked {
  readonly model: Watched['model'];
  readonly version: number;
  readonly monitor: ResolvedMonitor;
  readonly history: OfflineStore;
  /** The first window that is judged. */
  readonly first: Span;
  readonly now: number;
}

/** A watch that resumes from a kept one, and is kept where its labels are final. */
export interface RememberedWatch {
  /** Losses before this instant are in it already; null: none is. */
  readonly from: number | null;
  /** Losses before `from` are left out. */
  add(at: number, loss: number | null, values: readonly (string | null)[]): void;
  /** The changes, once all losses are added. */
  changes: SlicedWatch['changes'];
  changesOf: SlicedWatch['changesOf'];
}

/** Finds the watch of a monitor. Without a memory it begins at the first loss. */
export async function rememberedWatch(
  memory: LossMemory | null,
  asked: Asked,
  detectors: SlicedDetectors,
): Promise<RememberedWatch> {
  if (memory === null) return forgetful(slicedWatch(detectors));
  const { model, version, monitor, history, first, now } = asked;
  const key = JSON.stringify([model.name, monitor]);
  const until = Math.min(first.from, finalBefore(model.label, monitor, now));
  const before = (instant: number) => answersBefore(history, model, version, instant);
  const found = memory.get(key);
  const isUsable = found?.version === version && found.until <= until && (await before(found.until)) === found.answers;
  const kept = isUsable ? found : null;
  const watch = kept?.watch.copy() ?? slicedWatch(detectors);
  const from = kept?.until ?? null;
  const answers = from === until ? 0 : await before(until);
  let isKept = from === until;
  const keep = () => {
    if (!isKept) memory.set(key, { version, until, answers, watch: watch.copy() });
    isKept = true;
  };
  return {
    from,
    add: (at, loss, values) => {
      if (from !== null && at < from) return;
      if (at >= until) keep();
      if (loss !== null) watch.add(at, loss, values);
    },
    changes: () => {
      keep();
      return watch.changes();
    },
    changesOf: (feature, value) => watch.changesOf(feature, value),
  };
}

function forgetful(watch: SlicedWatch): RememberedWatch {
  return {
    from: null,
    add: (at, loss, values) => {
      if (loss !== null) watch.add(at, loss, values);
    },
    changes: () => watch.changes(),
    changesOf: (feature, value) => watch.changesOf(feature, value),
  };
}

/** The begin of the oldest window that a judgement of later may look at again: labels before it are final. */
function finalBefore(label: AwaitedLabel, { windowMs, of }: ResolvedMonitor, now: number): number {
  return Math.floor(settledBefore(label, now) / windowMs) * windowMs - of * windowMs;
}
