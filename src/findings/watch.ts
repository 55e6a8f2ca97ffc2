import type { MaybePromise } from '../base/maybe-promise.ts';
import type { ModelData } from '../features/define/declaration.ts';
import type { Judge, JudgeStores } from './judge.ts';
import type { MonitorState } from './monitor-state.ts';

/** Receives each judgement: a file of the state, incidents, playbooks. */
export type FindingsSink = (state: MonitorState) => MaybePromise<void>;

/**
 * Judges all champions once, and gives the findings to each sink in turn. A sink that fails keeps them from no other. Errors: those
 * of the registry; the first one of a sink, after the last.
 */
export async function watch(
  judge: Judge,
  stores: JudgeStores,
  models: readonly ModelData[],
  time: Pick<MonitorState, 'at' | 'everyMs'>,
  sinks: readonly FindingsSink[],
): Promise<MonitorState> {
  const state = await judge.champions(stores, models, time);
  const errors: unknown[] = [];
  for (const sink of sinks) {
    try {
      await sink(state);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
  return state;
}
