import { supportedChoices } from './judge.ts';
import type { Measured } from './lab.ts';

/** The measurement of a run, and its time. */
export interface StepRun extends Measured {
  /** Epoch ms. */
  readonly at: number;
  /** The same seed hides the same fault. */
  readonly seed: number;
}

/** An error of a run, as it is shown. */
export interface StepFault {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** Where a step stands. `tried` are the choices so far, the taken one last. */
export type StepState =
  | { readonly kind: 'locked' }
  | { readonly kind: 'ready'; readonly fault: StepFault | null }
  | { readonly kind: 'acting'; readonly job: string }
  | { readonly kind: 'measured'; readonly run: StepRun; readonly tried: readonly string[] }
  | { readonly kind: 'passed'; readonly run: StepRun; readonly tried: readonly string[] };

export type StepEvent =
  | { readonly kind: 'unlock' }
  | { readonly kind: 'act'; readonly job: string }
  | { readonly kind: 'measure'; readonly run: StepRun }
  | { readonly kind: 'fault'; readonly fault: StepFault }
  | { readonly kind: 'decide'; readonly choice: string };

/** The state after an event; null: the state does not take it. */
export function nextState(state: StepState, event: StepEvent): StepState | null {
  switch (event.kind) {
    case 'unlock':
      return state.kind === 'locked' ? { kind: 'ready', fault: null } : state;
    case 'act':
      return state.kind === 'ready' || state.kind === 'measured' ? { kind: 'acting', job: event.job } : null;
    case 'measure':
      return state.kind === 'acting' ? { kind: 'measured', run: event.run, tried: [] } : null;
    case 'fault':
      return state.kind === 'acting' ? { kind: 'ready', fault: event.fault } : null;
    case 'decide':
      return state.kind === 'measured' ? decided(state, event.choice) : null;
    default:
      return event satisfies never;
  }
}

/** A choice that the run does not support leaves the step open. */
function decided({ run, tried }: Extract<StepState, { kind: 'measured' }>, choice: string): StepState {
  const all = [...tried.filter((one) => one !== choice), choice];
  return { kind: supportedChoices(run).includes(choice) ? 'passed' : 'measured', run, tried: all };
}
