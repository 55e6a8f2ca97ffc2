import { fail } from '../../base/errors/fail.ts';
import type { ModelRows } from '../../model/model-rows.ts';
import type { ModelVersion, VersionRecord } from '../../ports/model-registry.ts';
import type { Scorer } from '../../registry/scorer.ts';
import { loadableRecord } from '../../registry/version-seal.ts';
import { openPatiently, patientScorer } from '../load/patient-scorer.ts';
import { type RunTensors, rowScores, scoringOf } from '../load/version-scoring.ts';
import type { InferCaller, Refusals } from '../request/infer-request.ts';
import { prepareForeign } from '../source/open-foreign.ts';
import { type RegisteredTools, registeredModel } from '../source/registered-model.ts';
import type { VersionHold } from './cached-version.ts';
import type { VersionCache } from './version-cache.ts';

/** The caller of a score, and how long it waits. */
export interface ScoreCaller {
  /** `performance.now()` from which on nobody waits for the score; left out: it waits for as long as it takes. */
  readonly deadline?: number | undefined;
  /** The id of the caller's key, by whose share its rows wait; left out: it has none. */
  readonly tenant?: string | undefined;
  /** Aborted when the caller has left; left out: it stays. */
  readonly signal?: AbortSignal | undefined;
  /** Whether it waits for room in a full queue. */
  readonly isPatient?: boolean;
}

/** A loaded version that scores rows of features for work that waits. */
export interface PatientScorer extends Scorer {
  readonly version: ModelVersion;
}

/** A loaded version that scores rows of features until its holder closes it. */
export interface HeldScorer extends PatientScorer {
  /** Scores rows in the queue of the version. Errors: MODEL_BUSY, MODEL_DEADLINE, MODEL_LEFT, MODEL_FILE, those of the run. */
  run(rows: ModelRows, caller?: ScoreCaller): Promise<Float64Array>;
  /** Lets the version go; the last holder frees it, once every call has its scores. */
  close(): Promise<void>;
}

export interface RegisteredVersionsOptions extends RegisteredTools {
  readonly versions: VersionCache;
}

/** The registered versions that the project itself scores with: champions, both sides of a rollout, those of streams. */
export class RegisteredVersions {
  readonly #options: RegisteredVersionsOptions;

  constructor(options: RegisteredVersionsOptions) {
    this.#options = options;
  }

  /** The registered version, sound. Errors: REGISTRY_VERSION, REGISTRY_SEAL. */
  record(model: string, version: number): Promise<VersionRecord> {
    return loadableRecord(this.#options.registry, model, version);
  }

  /** The registered version, sound, with the environment of a Python program made. Errors: as `record`, PYTHON_*, ARTIFACT_*. */
  async prepared(model: string, version: number): Promise<VersionRecord> {
    const record = await this.record(model, version);
    if (record.trained === null) await prepareForeign(record, this.#options);
    return record;
  }

  /**
   * Holds a version for work that waits: its rows wait next to those of callers, by the share of `tenant`, and are never refused; a run
   * waits for the process of a Python program that ended. Errors: as `hold`.
   */
  async holdPatiently(record: VersionRecord, tenant: string, job?: string): Promise<PatientScorer> {
    const held = await openPatiently(() => this.hold(record, job));
    const caller = { tenant, isPatient: true };
    return { version: held.version, ...patientScorer({ ...held, run: (rows) => held.run(rows, caller) }) };
  }

  /** Loads a version, or joins those that hold it. `job`: its name, for one that has its own workers. Errors: those of `loadVersion`. */
  async hold(record: VersionRecord, job?: string): Promise<HeldScorer> {
    const { versions, ...tools } = this.#options;
    const { model: name, version } = record;
    const source = registeredModel(name, job === undefined ? tools : { ...tools, job });
    const hold = await versions.hold({ name, version: String(version), source, isOwn: true });
    try {
      return heldScorer(hold, await scoringOf(record, hold.served.tensors, tools));
    } catch (error) {
      await hold.release();
      throw error;
    }
  }
}

function heldScorer(hold: VersionHold, scoring: Awaited<ReturnType<typeof scoringOf>>): HeldScorer {
  const refusals = scoreRefusals(hold.name);
  const run: RunTensors<InferCaller> = (inputs, outputs, caller) => hold.served.run(inputs, outputs, caller);
  const score = rowScores(scoring, run, true);
  return {
    version: scoring.version,
    inputs: scoring.inputs,
    run: (rows, { deadline = Number.POSITIVE_INFINITY, tenant = '', signal = undefined, isPatient = false } = {}) =>
      rows.rows === 0
        ? Promise.resolve(new Float64Array(0))
        : score(rows, { deadline, tenant, signal: signal ?? null, isPatient, refusals }),
    close: () => hold.release(),
  };
}

/** The refusals of calls that ask for scores. */
function scoreRefusals(model: string): Refusals {
  return {
    full: ({ rows }) => fail('MODEL_BUSY', { model, waiting: rows }),
    late: () => fail('MODEL_DEADLINE', { model }),
    left: () => fail('MODEL_LEFT', { model }),
  };
}
