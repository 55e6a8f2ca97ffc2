import { fail } from '../../base/errors/fail.ts';
import { environmentClock } from '../../environment/environment-clock.ts';
import type { Watched } from '../../monitoring/monitor/judge-windows.ts';
import type { AliasMove } from '../../ports/model-registry.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { PlaybookEntry } from '../../ports/playbook-store.ts';
import type { RolloutEvent } from '../../ports/rollout-store.ts';
import type { Call } from '../command.ts';
import { loadConfig } from '../open/load-config.ts';
import { option } from '../options/option.ts';
import { instant } from '../options/option-kinds.ts';

export const spanOptions = {
  from: option(instant, 'first instant (a day before to)'),
  to: option(instant, 'end, exclusive (now)'),
};

/** A call that names a span. */
export type SpanCall = Call<typeof spanOptions>;

/** A watched model and the stores that its reports read. */
export interface WatchedCall {
  readonly now: number;
  readonly watched: Watched;
  readonly history: OfflineStore;
  readonly span: { readonly from: number; readonly to: number };
  /** Moves of its aliases. */
  readonly moves: readonly AliasMove[];
  /** Events of its rollouts. */
  readonly rollouts: readonly RolloutEvent[];
  /** The journal of its playbook; empty: it has none. */
  readonly journal: readonly PlaybookEntry[];
}

const DAY_MS = 86_400_000;

/** The span that a call names: the last day without one. Error: DRIFT_OPTION. */
function spanOf({ options }: SpanCall, now: number): { readonly from: number; readonly to: number } {
  const { to = now, from = to - DAY_MS } = options;
  if (!(from < to))
    throw fail('DRIFT_OPTION', { option: 'from', value: new Date(from).toISOString(), reason: 'it is not before to' });
  return { from, to };
}

/** Opens the published history and the champion of the model that a call names. Errors: MODEL_UNKNOWN, DRIFT_CHAMPION, DRIFT_OPTION. */
export async function withWatched(call: SpanCall, work: (opened: WatchedCall) => Promise<void>): Promise<void> {
  const { withSite } = await import('../../site/site.ts');
  const { watchedChampions } = await import('../../monitoring/monitor/watched-version.ts');
  const { rolloutEvents } = await import('../../serving/rollout/rollout-events.ts');
  const { project, environment } = await loadConfig(call);
  const [name] = call.words;
  if (!project.models.some((model) => model.name === name))
    throw fail('MODEL_UNKNOWN', { model: name, known: project.models.map((model) => model.name) });
  const now = environmentClock(environment.directory, { keeps: false })();
  const span = spanOf(call, now);
  await withSite({ project, environment }, async (site) => {
    const stores = await site.open('registry', 'artifacts');
    const watched = (await watchedChampions(stores, project.models)).find(({ model }) => model.name === name);
    if (watched === undefined) throw fail('DRIFT_CHAMPION', { model: name });
    const moves = await stores.registry.moves(name);
    const rollouts = await rolloutEvents(await site.rollouts(), name);
    const journal = (await (await site.playbooks())?.entries(name)) ?? [];
    await work({ now, watched, history: await site.published(), span, moves, rollouts, journal });
  });
}
