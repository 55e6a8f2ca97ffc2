import type { BatchViewData, EventSourceData, ModelData } from '../../features/define/declaration.ts';
import type { ResolvedMonitor } from '../../features/define/monitor.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import { durationText } from '../../observe/duration-text.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { lookupOf, sourcesOf } from '../cause/feature-origins.ts';
import type { QualityFault } from '../detect/quality-fault.ts';
import { judgeVolume } from '../detect/usual-volume.ts';
import { readRows } from '../features/profile-sql.ts';
import { type ArrivalCounts, type ArrivalMemory, requestArrivals, sourceArrivals } from './arrival-counts.ts';
import type { MonitorWindow, Watched } from './judge-windows.ts';
import { causeOfMissing } from './missing-cause.ts';

/** Name of the requests among the sources: their number is judged too. That they stay out breaks no input. */
export const REQUESTS = 'requests';
const DAY_MS = 86_400_000;
const WEEKS = 6;
/** Late rows are a fault if their share is this much above that of the same hours of any week before, and there are at least `LEAST_LATE`. */
const LATE_RISE = 0.05;
const LEAST_LATE = 20;
/** Where no row came since the end of a window, it is judged after half its length, and at the latest after this. */
const PUBLISHED_MS = 600_000;

/** The verdict on the rows of one source, view, or of the requests, in one window. */
export interface Arrival {
  /** Name of the source, of the view as `name@version`, or `requests`. */
  readonly source: string;
  /** `volume`: how many came; `late`: how old they were. */
  readonly kind: 'volume' | 'late';
  readonly state: 'ok' | 'fault' | 'insufficient';
  readonly reason: string;
}

interface Options {
  readonly history: OfflineStore;
  readonly now: number;
  readonly memory: ArrivalMemory;
}

/** An input of the watched features. */
interface Input {
  readonly features: readonly string[];
}

/** A source of events that watched features are computed from. */
interface SourceInput extends Input {
  readonly source: EventSourceData;
}

interface ViewInput extends Input {
  readonly view: BatchViewData;
}

/**
 * Adds to windows of a model's features whether their sources' rows came: as many as usual, in time, and generations of batch views as
 * fresh as declared. One source is one fault, whatever features it has.
 */
export async function withArrivals(
  { model, reference }: Watched,
  monitor: ResolvedMonitor,
  windows: readonly MonitorWindow[],
  options: Options,
): Promise<readonly MonitorWindow[]> {
  const [first] = windows;
  const last = windows.at(-1);
  if (first === undefined || last === undefined) return windows;
  const { sources, views } = inputsOf(model, monitor.features);
  const span = { from: first.from, to: last.to };
  const asked = { windowMs: monitor.windowMs, span, now: options.now, memory: options.memory };
  const counts = new Map<SourceInput, ArrivalCounts>();
  for (const input of sources) counts.set(input, await sourceArrivals(options.history, input.source, asked));
  const requests = await requestArrivals(options.history, model.service, asked);
  const all = [...counts.values(), ...(requests === null ? [] : [requests])];
  const judged: MonitorWindow[] = [];
  for (const window of windows) {
    const isPublished = all.some(({ reaches }) => reaches(window.to)) || isLongAgo(window, options.now);
    const found: [Arrival, readonly string[]][] = [];
    for (const [{ source, features }, counted] of counts) {
      found.push([volumeOf(source.name, counted, window, isPublished), features]);
      found.push([lateOf(source, counted, window), features]);
    }
    for (const { view, features } of views) found.push([await freshnessOf(view, options.history, window), features]);
    if (requests !== null) found.push([volumeOf(REQUESTS, requests, window, isPublished), []]);
    judged.push(found.length === 0 ? window : withFound(window, found, { isWatched: reference !== null, requests }));
  }
  return judged;
}

/** A model without a reference is not watched: what is found is said, and nothing is stopped that nobody would release. */
function withFound(
  window: MonitorWindow,
  found: readonly (readonly [Arrival, readonly string[]])[],
  { isWatched, requests }: { readonly isWatched: boolean; readonly requests: ArrivalCounts | null },
): MonitorWindow {
  const arrivals = found.map(([arrival]) => arrival);
  const faults = found
    .filter(([{ state, source }]) => state === 'fault' && source !== REQUESTS)
    .map(([{ kind, source, reason }, columns]): QualityFault => ({ kind, columns, source, text: reason, rows: null }));
  if (!isWatched) return { ...window, arrivals };
  const own = withoutConsequences(window, requests, faults);
  if (faults.length === 0) return { ...own, arrivals };
  const texts = faults.map(({ source = '', text }) => `${source}: ${text}`);
  const reason = [...texts, ...(own.state === 'fault' ? [own.reason] : [])].join('; ');
  return { ...own, arrivals, state: 'fault', reason, faults: [...own.faults, ...faults] };
}

/** A window without the faults that follow from another one, or from fewer requests: its reason says so. */
function withoutConsequences(
  window: MonitorWindow,
  requests: ArrivalCounts | null,
  stopped: readonly QualityFault[],
): MonitorWindow {
  const causes = window.faults.map((fault) => causeOfMissing(fault, window, requests, stopped));
  const faults = window.faults.filter((_, i) => causes[i] === null);
  if (faults.length === window.faults.length) return window;
  const says = window.faults.flatMap(({ columns, text }, i) =>
    causes[i] === null ? [] : [`${columns.join(', ')} ${text}: ${causes[i]}`],
  );
  const [first] = faults;
  const calm = window.drifted.length > 0 ? 'drift' : 'ok';
  const state = first === undefined ? calm : 'fault';
  const kept =
    first === undefined
      ? window.drifted.map((name) => `${name} drifted`)
      : [`${first.columns.join(', ')}: ${first.text}`];
  return { ...window, state, faults, reason: [...kept, ...says].join('; ') };
}

function isLongAgo({ from, to }: MonitorWindow, now: number): boolean {
  return now - to >= Math.min(PUBLISHED_MS, (to - from) / 2);
}

function volumeOf(source: string, counted: ArrivalCounts, { from }: MonitorWindow, isPublished: boolean): Arrival {
  const { state, reason } = judgeVolume(counted, from);
  if (state !== 'little') return { source, kind: 'volume', state, reason };
  if (!isPublished)
    return {
      source,
      kind: 'volume',
      state: 'insufficient',
      reason: 'nothing is published since the end of the window',
    };
  return { source, kind: 'volume', state: 'fault', reason };
}

/** Rows that came after the lateness that the source declares: no window counts them. */
function lateOf({ name, latenessMs }: EventSourceData, counted: ArrivalCounts, { from }: MonitorWindow): Arrival {
  const rows = counted.countOf(from);
  const late = counted.lateOf(from);
  const past = Array.from({ length: WEEKS }, (_, i) => from - (i + 1) * 7 * DAY_MS).filter(
    (begin) => begin >= counted.since,
  );
  const most = Math.max(0, ...past.map((begin) => counted.lateOf(begin) / Math.max(1, counted.countOf(begin))));
  const of = { source: name, kind: 'late' } as const;
  if (rows < LEAST_LATE) return { ...of, state: 'insufficient', reason: `${rows} rows came` };
  const isFault = late >= LEAST_LATE && late / rows - most >= LATE_RISE;
  const reason = `${late} of ${rows} rows came more than ${durationText(latenessMs)} after their time and count nowhere`;
  return { ...of, state: isFault ? 'fault' : 'ok', reason };
}

/** The data of the generation that readers had at the end of a window against the declared freshness. */
async function freshnessOf(view: BatchViewData, history: OfflineStore, { to }: MonitorWindow): Promise<Arrival> {
  const of = { source: `${view.name}@${view.version}`, kind: 'late' } as const;
  const [[asOf] = []] = await readRows(
    history,
    `SELECT ARG_MAX(as_of, generation) FROM ${history.relation(batchTable(view))} AS t WHERE visible_from <= ${to}`,
  );
  if (asOf === null || asOf === undefined) return { ...of, state: 'insufficient', reason: 'it has no generation yet' };
  const ageMs = to - Number(asOf);
  const reason = `its data is ${durationText(ageMs)} old, ${durationText(view.freshnessMs)} is declared`;
  return { ...of, state: ageMs > view.freshnessMs ? 'fault' : 'ok', reason };
}

/** Sources and batch views of the watched features; all features where none is named. */
function inputsOf(
  { service }: ModelData,
  named: readonly string[],
): { readonly sources: readonly SourceInput[]; readonly views: readonly ViewInput[] } {
  const sources = new Map<string, { source: EventSourceData; features: string[] }>();
  const views = new Map<string, { view: BatchViewData; features: string[] }>();
  for (const { name, from } of service.features) {
    const lookup = named.length > 0 && !named.includes(name) ? null : lookupOf(service, from);
    if (lookup === null) continue;
    for (const source of sourcesOf(lookup)) {
      const held = sources.get(source.name) ?? { source, features: [] };
      sources.set(source.name, { source, features: [...held.features, name] });
    }
    const { view } = lookup;
    if (view.kind !== 'batchView') continue;
    const held = views.get(view.name) ?? { view, features: [] };
    views.set(view.name, { view, features: [...held.features, name] });
  }
  return { sources: [...sources.values()], views: [...views.values()] };
}
