import { createHash } from 'node:crypto';
import type { Clock } from '../../base/time.ts';
import type { Run, TrackingStore } from '../../ports/tracking-store.ts';
import type { SweepOutcome, SweepResult } from './run-sweep.ts';
import type { SweepFile } from './sweep-file.ts';

export interface SweepRecordOptions {
  readonly registry: TrackingStore;
  /** Name of the experiment; it is made where it is absent. */
  readonly experiment: string;
  /** Identity of the sweep: the same when it is resumed. */
  readonly sweepId: string;
  readonly name: string;
  readonly sweep: SweepFile;
  readonly user: string;
  readonly clock: Clock;
  /** The training set of the trials; null: unknown. */
  readonly dataset: { readonly name: string; readonly digest: string; readonly path: string } | null;
}

/** Tags of MLflow's clients: with them their pages show trials below their sweep. */
const PARENT = 'mlflow.parentRunId';
const NAME = 'mlflow.runName';

/**
 * The runs of a sweep in a registry: one for the sweep and one for each trial, with its parameters, its loss at every rung and the
 * training set. A result that is recorded twice is there once, so that a resumed sweep records all of them again.
 */
export class SweepRecord {
  readonly #options: SweepRecordOptions;
  readonly #experiment: string;
  readonly #parent: string;
  readonly #trials = new Map<number, Promise<string>>();

  private constructor(options: SweepRecordOptions, experiment: string, parent: string) {
    this.#options = options;
    this.#experiment = experiment;
    this.#parent = parent;
  }

  static async open(options: SweepRecordOptions): Promise<SweepRecord> {
    const { registry, experiment: name, sweepId, sweep, clock } = options;
    const at = clock();
    const experiment =
      (await registry.experimentByName(name))?.id ??
      (await registry.createExperiment({ name, artifactLocation: null, tags: [], at }));
    const parent = await ensureRun(options, {
      experiment,
      id: idOf(sweepId, 'sweep'),
      name: options.name,
      parent: null,
    });
    const { scheduler, search, budget, seed, schedule } = sweep;
    const params = { scheduler: scheduler.kind, search, min: budget.min, max: budget.max, seed, schedule };
    await registry.logBatch(parent.info.id, { metrics: [], params: textsOf(params), tags: [] });
    return new SweepRecord(options, experiment, parent.info.id);
  }

  /** Records a job that has ended. */
  async result({ trial, to, loss, failure, seconds, parameters }: SweepResult): Promise<void> {
    const { registry, clock } = this.#options;
    const run = await this.#trial(trial, parameters);
    const at = clock();
    const metrics = [
      // A loss that is not finite is compared with nothing; the tag says why.
      ...(loss === null ? [] : [{ key: 'loss', value: loss, at: 0, step: to }]),
      { key: 'seconds', value: seconds, at: 0, step: to },
    ];
    const tags = [
      { key: 'headrace.rung', value: String(to) },
      ...(failure === null ? [] : [{ key: 'headrace.failure', value: failure }]),
    ];
    await registry.logBatch(run, { metrics, params: [], tags });
    await registry.updateRun(run, { status: failure === null ? 'FINISHED' : 'FAILED', endedAt: at });
  }

  /** Records the end of the sweep. */
  async end({ state, best, trained, inFull, seconds }: SweepOutcome): Promise<void> {
    const { registry, clock } = this.#options;
    // A sweep that was cancelled ends twice: the later values count.
    const at = clock();
    const values = {
      trainedSteps: trained,
      stepsInFull: inFull,
      seconds,
      ...(best === null ? {} : { loss: best.loss }),
    };
    const metrics = Object.entries(values).map(([key, value]) => ({ key, value, at, step: 0 }));
    const winner =
      best === null ? [] : [{ key: 'headrace.best', value: await this.#trial(best.trial, best.parameters) }];
    await registry.logBatch(this.#parent, { metrics, params: [], tags: winner });
    const status = state === 'completed' ? 'FINISHED' : 'KILLED';
    await registry.updateRun(this.#parent, { status, endedAt: at });
  }

  #trial(trial: number, parameters: SweepResult['parameters']): Promise<string> {
    const known = this.#trials.get(trial);
    if (known !== undefined) return known;
    const made = this.#makeTrial(trial, parameters);
    this.#trials.set(trial, made);
    return made;
  }

  async #makeTrial(trial: number, parameters: SweepResult['parameters']): Promise<string> {
    const { registry, sweepId, dataset } = this.#options;
    const id = idOf(sweepId, `trial ${trial}`);
    const named = { experiment: this.#experiment, id, name: `trial-${trial}`, parent: this.#parent };
    const run = await ensureRun(this.#options, named);
    await registry.logBatch(run.info.id, { metrics: [], params: textsOf(parameters), tags: [] });
    if (dataset !== null && run.datasets.length === 0) {
      const { name, digest, path } = dataset;
      const input = { name, digest, sourceType: 'local', source: path, schema: null, profile: null, tags: [] };
      await registry.logInputs(run.info.id, [input], []);
    }
    return run.info.id;
  }
}

async function ensureRun(
  { registry, user, clock }: SweepRecordOptions,
  { experiment, id, name, parent }: { experiment: string; id: string; name: string; parent: string | null },
): Promise<Run> {
  const known = await registry.run(id);
  if (known !== null) return known;
  const tags = [{ key: NAME, value: name }, ...(parent === null ? [] : [{ key: PARENT, value: parent }])];
  return registry.createRun({ id, experiment, name, user, startedAt: clock(), tags });
}

/** 32 hexadecimal digits, as ids of runs have them. */
function idOf(sweep: string, of: string): string {
  return createHash('sha256').update(`${sweep}\n${of}`).digest('hex').slice(0, 32);
}

function textsOf(values: Readonly<Record<string, unknown>>): { key: string; value: string }[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: String(value) }));
}
