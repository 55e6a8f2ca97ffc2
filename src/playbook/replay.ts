import { canonicalJson, type Json } from '../base/canonical-json.ts';
import type { Decided, Observed, PlaybookEntry, SeenMonitor } from '../ports/playbook-store.ts';
import { decide } from './decide.ts';
import { fold, NO_STATE, type PlaybookState } from './state.ts';

/** The outcome of a replay. */
export interface Replay {
  readonly entries: number;
  readonly decisions: number;
  /** Decisions that came out otherwise: what is in the journal, and what follows from its inputs. */
  readonly different: readonly {
    readonly revision: number;
    readonly written: readonly string[];
    readonly decided: readonly string[];
  }[];
  /** Observations whose monitors find something else in the history of today; null: the history was not asked. */
  readonly changedInputs: readonly { readonly revision: number; readonly at: number }[] | null;
}

/** Judges the monitors again, as of a past instant and for the champion of then. */
export type Rejudge = (at: number, champion: number) => Promise<readonly SeenMonitor[]>;

/**
 * Decides again from the journal alone: its limits, its observations, its answers. With `rejudge` the observations are made again
 * from the history as well: labels that came or changed since then may change them, which says nothing about the decisions.
 */
export async function replay(
  model: string,
  entries: readonly PlaybookEntry[],
  rejudge: Rejudge | null = null,
): Promise<Replay> {
  const different: Replay['different'][number][] = [];
  const changed: { revision: number; at: number }[] = [];
  let state = NO_STATE;
  let decisions = 0;
  for (let i = 0; i < entries.length; ) {
    const entry = entries[i];
    if (entry.kind === 'observed' && rejudge !== null && (await isChanged(entry, entry.at, rejudge)))
      changed.push({ revision: entry.revision, at: entry.at });
    const batch = entry.kind === 'decided' ? batchFrom(entries, i) : [];
    if (batch.length > 0) {
      decisions += batch.length;
      const again = decidedAgain(model, state, batch[0].at);
      const written = batch.map(text);
      if (canonicalJson(again) !== canonicalJson(written))
        different.push({ revision: batch[0].revision, written, decided: again });
    }
    const next = batch.length > 0 ? batch : [entry];
    state = fold(state, next);
    i += next.length;
  }
  return { entries: entries.length, decisions, different, changedInputs: rejudge === null ? null : changed };
}

type DecidedEntry = Decided & Pick<PlaybookEntry, 'revision' | 'at'>;

/** Decisions that were written together. */
function batchFrom(entries: readonly PlaybookEntry[], from: number): readonly (DecidedEntry & PlaybookEntry)[] {
  const batch: (DecidedEntry & PlaybookEntry)[] = [];
  for (const entry of entries.slice(from)) {
    const [first] = batch;
    if (entry.kind !== 'decided') break;
    if (first !== undefined && (entry.at !== first.at || entry.batch !== first.batch)) break;
    batch.push(entry);
  }
  return batch;
}

function decidedAgain(model: string, state: PlaybookState, now: number): readonly string[] {
  const { configured, observed } = state;
  if (configured === null || observed === null) return [];
  const { plan, labelWithinMs } = configured;
  return decide({ model, plan, labelWithinMs, state, observed, now }).map(text);
}

/** A decision without its place in the journal. */
function text({
  action,
  tier,
  cause,
  reason,
  thresholds,
}: Pick<Decided, 'action' | 'tier' | 'cause' | 'reason' | 'thresholds'>): string {
  return canonicalJson({ action, tier, cause, reason, thresholds } as unknown as Json);
}

async function isChanged(observed: Observed, at: number, rejudge: Rejudge): Promise<boolean> {
  if (observed.champion === null) return false;
  const again = await rejudge(at, observed.champion);
  return canonicalJson(again as unknown as Json) !== canonicalJson(observed.monitors as unknown as Json);
}
