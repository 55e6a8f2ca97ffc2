import type { Decided, FaultyRows, Finished, ValueChange } from '../ports/playbook-store.ts';
import type { RemedyTrial } from './remedy-trial.ts';

/** The remedy of a stopped feature: the declared value in its faulty rows. */
export interface Remedy {
  /** `untried`: the model gets the values as they are. `refused` ones are tried again when labels come; `takenBack` is final. */
  readonly state: 'untried' | 'applied' | 'refused' | 'takenBack';
  /** When it was applied, epoch ms; null: never. */
  readonly since: number | null;
  /** The end of the newest window at the last trial; null: there was none. */
  readonly triedTo: number | null;
  /** The newest trial that no decision answered yet; null: none. */
  readonly trial: RemedyTrial | null;
  /** Whether labelled rows with the fault said that it brings nothing: it is not tried again. */
  readonly isRefuted: boolean;
}

/** A feature whose values are faulty. */
export interface Stopped {
  readonly feature: string;
  readonly cause: string;
  readonly from: number;
  /** Null: still. */
  readonly to: number | null;
  /** The rows in which the model gets a declared value. */
  readonly rows: FaultyRows;
  /** How sound values became faulty; null: nobody knows. */
  readonly change: ValueChange | null;
  readonly remedy: Remedy;
  /** Decided in a dry run: the model gets the value as it is. */
  readonly isDry: boolean;
}

/** A remedy that nobody tried yet. */
export const UNTRIED: Remedy = { state: 'untried', since: null, triedTo: null, trial: null, isRefuted: false };

/** The stopped features after a decision. */
export function stoppedAfter(
  stopped: readonly Stopped[],
  { action, cause }: Decided,
  at: number,
  isDry: boolean,
): readonly Stopped[] {
  const changed = (features: readonly string[], change: (one: Stopped) => Stopped) =>
    stopped.map((one) => (one.to === null && features.includes(one.feature) ? change(one) : one));
  const ofCause = (features: readonly string[], change: (remedy: Remedy) => Remedy) =>
    changed(features, (one) => (one.cause === cause ? { ...one, remedy: change(one.remedy) } : one));
  switch (action.do) {
    case 'stopFeatures': {
      const { features, from, rows = 'all', change = null, isTried = false } = action;
      // Before remedies were tried, a stop was a remedy.
      const remedy: Remedy = isTried ? UNTRIED : { ...UNTRIED, state: 'applied', since: at };
      return [
        ...stopped,
        ...features.map((feature) => ({ feature, cause, from, to: null, rows, change, remedy, isDry })),
      ];
    }
    case 'releaseFeatures':
      return changed(action.features, (one) => ({ ...one, to: action.to }));
    case 'tryRemedy':
      return ofCause(action.features, (remedy) => ({ ...remedy, triedTo: action.between.to }));
    case 'applyRemedy':
      return ofCause(action.features, ({ trial, ...remedy }) => ({
        ...remedy,
        state: 'applied',
        since: remedy.since ?? at,
        isRefuted: isRefuted(remedy, trial),
        trial: null,
      }));
    case 'refuseRemedy':
      return ofCause(action.features, ({ trial, ...remedy }) => ({
        ...remedy,
        state: remedy.state === 'applied' ? 'takenBack' : 'refused',
        isRefuted: isRefuted(remedy, trial),
        trial: null,
      }));
    default:
      return stopped;
  }
}

/** The stopped features after a trial. */
export function stoppedAfterTrial(
  stopped: readonly Stopped[],
  { action, cause }: Decided,
  { isDone, result }: Pick<Finished, 'isDone' | 'result'>,
): readonly Stopped[] {
  if (action.do !== 'tryRemedy') return stopped;
  const trial: RemedyTrial = isDone
    ? (result as unknown as RemedyTrial)
    : { verdict: 'none', basis: 'nothing', rows: 0, reason: `the trial failed: ${String(result['message'])}` };
  return stopped.map((one) =>
    one.to === null && one.cause === cause && action.features.includes(one.feature)
      ? { ...one, remedy: withTrial(one.remedy, trial) }
      : one,
  );
}

/** A gain that comes too early may pay in a later window. */
function isRefuted(remedy: Pick<Remedy, 'isRefuted'>, trial: RemedyTrial | null): boolean {
  return trial === null ? remedy.isRefuted : trial.basis === 'labels' && trial.verdict !== 'early';
}

/** A trial that changes nothing asks for no decision. */
function withTrial(remedy: Remedy, trial: RemedyTrial): Remedy {
  const { state } = remedy;
  const changes = state === 'untried' || (state === 'refused' ? trial.verdict === 'gain' : trial.verdict === 'loss');
  return changes ? { ...remedy, trial } : { ...remedy, isRefuted: isRefuted(remedy, trial) };
}

/** Whether the model gets declared values for a feature. */
export function isApplied({ remedy, to, isDry }: Pick<Stopped, 'remedy' | 'to' | 'isDry'>): boolean {
  return to === null && !isDry && remedy.state === 'applied';
}
