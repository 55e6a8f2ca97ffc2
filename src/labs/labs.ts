import { randomInt } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail, isHeadraceError } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import { seededRandom } from '../base/rng.ts';
import type { Clock } from '../base/time.ts';
import { checkMeasured } from './judge.ts';
import type { Lab, LabStep, LabWorld } from './lab.ts';
import { type LabReport, type LabSummary, labReport, labSummary } from './lab-report.ts';
import { type KeptSteps, readLabsFile, writeLabsFile } from './labs-file.ts';
import { nextState, type StepEvent, type StepFault, type StepState } from './step-state.ts';

/** Runs the actions of steps, one at a time: the jobs of a server. */
export interface LabJobs {
  start(task: {
    readonly kind: string;
    readonly target: string;
    readonly work: (run: { readonly signal: AbortSignal; readonly say: (line: string) => void }) => Promise<unknown>;
  }): { readonly id: string };
  report(id: string): { readonly endedAt: number | null; readonly lines: readonly string[] };
}

export interface LabsOptions {
  readonly labs: readonly Lab[];
  /** Has the progress, and the systems of the steps while they run. */
  readonly folder: string;
  readonly jobs: LabJobs;
  readonly serve: LabWorld['serve'];
  readonly clock?: Clock;
  /** The seed of the next run; a fresh one by default. */
  readonly seed?: () => number;
}

const LARGEST_SEED = 2 ** 47;

/**
 * The labs of one environment: where each step stands, and the changes. A measurement and the decisions about it survive a restart;
 * a run does not.
 */
export class Labs {
  readonly #of: LabsOptions;
  readonly #path: string;
  readonly #states = new Map<string, Map<string, StepState>>();

  /** Errors: LABS_FILE, LABS_FORMAT. */
  constructor(options: LabsOptions) {
    this.#of = options;
    this.#path = join(options.folder, 'labs.json');
    const kept = readLabsFile(this.#path);
    for (const lab of options.labs) this.#states.set(lab.id, keptStates(lab, kept[lab.id] ?? {}));
  }

  list(): readonly LabSummary[] {
    return this.#of.labs.map((lab) => labSummary(lab, this.#statesOf(lab)));
  }

  /** Error: LAB_UNKNOWN. */
  read(id: string): LabReport {
    const lab = this.#lab(id);
    return labReport(lab, this.#statesOf(lab), (job) => this.#linesOf(job));
  }

  /** Acts on the system of a step; the measurement comes later. Errors: LAB_UNKNOWN, LAB_STEP, LAB_STATE, JOB_QUEUE, SERVER_CLOSING. */
  act(id: string, stepId: string): LabReport {
    const lab = this.#lab(id);
    const step = stepOf(lab, stepId);
    this.#check(lab, step, { kind: 'act', job: '' }, 'action');
    const job = this.#of.jobs.start({
      kind: 'lab',
      target: `${lab.id}/${step.id}`,
      // The job begins in a later turn: its step is acting by then.
      work: (run) => this.#run(lab, step, run),
    });
    this.#change(lab, step, { kind: 'act', job: job.id }, 'action');
    return this.read(id);
  }

  /** Decides a measured step. Errors: LAB_UNKNOWN, LAB_STEP, LAB_CHOICE, LAB_STATE, LABS_FILE. */
  decide(id: string, stepId: string, choice: string): LabReport {
    const lab = this.#lab(id);
    const step = stepOf(lab, stepId);
    if (!Object.hasOwn(step.choices, choice)) throw fail('LAB_CHOICE', { step: stepId, choice });
    this.#change(lab, step, { kind: 'decide', choice }, 'decision');
    return this.read(id);
  }

  /** Begins a lab again. Errors: LAB_UNKNOWN, LAB_STATE while a step acts, LABS_FILE. */
  restart(id: string): LabReport {
    const lab = this.#lab(id);
    const acting = [...this.#statesOf(lab)].find(([, { kind }]) => kind === 'acting');
    if (acting !== undefined)
      throw fail('LAB_STATE', { lab: lab.id, step: acting[0], state: 'acting', action: 'new beginning' });
    this.#states.set(lab.id, keptStates(lab, {}));
    writeLabsFile(this.#path, this.#states);
    return this.read(id);
  }

  async #run(lab: Lab, step: LabStep, run: Pick<LabWorld, 'signal' | 'say'>): Promise<void> {
    const folder = join(this.#of.folder, lab.id);
    const seed = this.#of.seed?.() ?? randomInt(LARGEST_SEED);
    try {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      const world = { ...run, folder, random: seededRandom(seed), serve: this.#of.serve };
      const measured = checkMeasured(lab, step, await step.measure(world));
      run.signal.throwIfAborted();
      const at = (this.#of.clock ?? Date.now)();
      this.#change(lab, step, { kind: 'measure', run: { ...measured, at, seed } }, 'measurement');
    } catch (error) {
      this.#change(lab, step, { kind: 'fault', fault: faultOf(lab, error) }, 'fault');
      throw error;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  #lab(id: string): Lab {
    const lab = this.#of.labs.find((one) => one.id === id);
    if (lab === undefined) throw fail('LAB_UNKNOWN', { lab: id });
    return lab;
  }

  /** The states of a lab's steps. A run whose job was cancelled before it began has ended. */
  #statesOf(lab: Lab): ReadonlyMap<string, StepState> {
    const states = this.#states.get(lab.id) ?? new Map<string, StepState>();
    for (const [id, state] of states)
      if (state.kind === 'acting' && this.#hasEnded(state.job)) states.set(id, { kind: 'ready', fault: null });
    return states;
  }

  #hasEnded(job: string): boolean {
    try {
      return this.#of.jobs.report(job).endedAt !== null;
    } catch (error) {
      if (isHeadraceError(error, 'JOB_UNKNOWN')) return true;
      throw error;
    }
  }

  #linesOf(job: string): readonly string[] {
    return this.#of.jobs.report(job).lines;
  }

  /** The state after an event. Error: LAB_STATE. */
  #check(lab: Lab, step: LabStep, event: StepEvent, action: string): StepState {
    const state = this.#statesOf(lab).get(step.id) ?? { kind: 'locked' };
    const next = nextState(state, event);
    if (next === null) throw fail('LAB_STATE', { lab: lab.id, step: step.id, state: state.kind, action });
    return next;
  }

  #change(lab: Lab, step: LabStep, event: StepEvent, action: string): void {
    const next = this.#check(lab, step, event, action);
    const states = new Map(this.#statesOf(lab)).set(step.id, next);
    this.#states.set(lab.id, unlocked(lab, states));
    writeLabsFile(this.#path, this.#states);
  }
}

function stepOf(lab: Lab, id: string): LabStep {
  const step = lab.steps.find((one) => one.id === id);
  if (step === undefined) throw fail('LAB_STEP', { lab: lab.id, step: id });
  return step;
}

/** Kept steps that the lab still has, as they were measured: another version may have other figures. */
function keptStates(lab: Lab, kept: KeptSteps[string]): Map<string, StepState> {
  const states = new Map<string, StepState>();
  for (const step of lab.steps) {
    const state = kept[step.id];
    states.set(step.id, state !== undefined && fits(lab, step, state) ? state : { kind: 'locked' });
  }
  return unlocked(lab, states);
}

function fits(lab: Lab, step: LabStep, { run, tried }: KeptSteps[string][string]): boolean {
  try {
    checkMeasured(lab, step, run);
  } catch (error) {
    if (isHeadraceError(error, 'LAB_SYSTEM')) return false;
    throw error;
  }
  return tried.every((choice) => Object.hasOwn(step.choices, choice));
}

/** The first step is open, and each that follows a passed one; what follows an open one is locked. */
function unlocked(lab: Lab, states: Map<string, StepState>): Map<string, StepState> {
  let isOpen = true;
  for (const { id } of lab.steps) {
    const state = states.get(id) ?? { kind: 'locked' };
    states.set(id, isOpen ? (nextState(state, { kind: 'unlock' }) ?? state) : { kind: 'locked' });
    isOpen &&= state.kind === 'passed';
  }
  return states;
}

function faultOf(lab: Lab, error: unknown): StepFault {
  const known = isHeadraceError(error) ? error : fail('LAB_SYSTEM', { lab: lab.id, reason: reasonOf(error) }, error);
  const { code, message, hint } = known;
  return { code, message, hint };
}
