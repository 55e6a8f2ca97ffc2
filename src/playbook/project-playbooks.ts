import { join } from 'node:path';
import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import { ownVersion } from '../environment/own-version.ts';
import { declarationHash } from '../features/change/declaration-hash.ts';
import type { ModelData, ProjectData } from '../features/define/declaration.ts';
import { type PlaybookPlan, playbookPlan } from '../features/define/playbook.ts';
import { rolloutPlan } from '../features/define/rollout.ts';
import { Judge } from '../findings/judge.ts';
import { awaitedMs } from '../model/label-maturity.ts';
import { openPart } from '../observe/part-kind.ts';
import type { Part } from '../ports/part.ts';
import type { PlaybookStore } from '../ports/playbook-store.ts';
import type { ModelAnswers } from '../serving/models/open-model.ts';
import type { GateResult, PlaybookActions } from './actions.ts';
import { type StartedVersion, startGate } from './gate.ts';
import { type InputGuard, inputGuard } from './input-guard.ts';
import { mayContinue } from './may-continue.ts';
import { Playbook, type PlaybookOptions } from './playbook.ts';
import { PlaybookJournal } from './playbook-journal.ts';
import { type FollowedPlaybook, playbookPart } from './playbook-part.ts';
import { judgedMonitors, type PlaybookWorldOptions, playbookWorld } from './playbook-world.ts';
import { type Replay, replay } from './replay.ts';
import { faultySpans, fold, NO_STATE, type PlaybookState } from './state.ts';

export interface ProjectPlaybooksOptions {
  readonly project: ProjectData;
  readonly directory: string;
  /** Null: no model declares a playbook. */
  readonly store: PlaybookStore | null;
  readonly clock: () => number;
  readonly onFault: (error: unknown) => void;
}

/** The stores and works of a model that its playbook acts with. */
export type WorldOf = (
  model: ModelData,
) => Omit<PlaybookWorldOptions, 'model' | 'folder' | 'clock' | 'metric' | 'isPairing'>;

/** One playbook as this process follows it. */
interface Followed {
  readonly data: ModelData;
  readonly plan: PlaybookPlan;
  state: PlaybookState;
  trouble: string | null;
  guard: InputGuard | null;
}

/** The playbooks of a project: followed in a process that serves, and opened to be run. */
export class ProjectPlaybooks {
  readonly #options: ProjectPlaybooksOptions;
  readonly #followed: ReadonlyMap<string, Followed>;
  readonly #open = new Map<string, Playbook>();

  constructor(options: ProjectPlaybooksOptions) {
    this.#options = options;
    const declared = options.project.models.flatMap((data): readonly (readonly [string, Followed])[] => {
      const plan = playbookPlan(data);
      return plan === null ? [] : [[data.name, { data, plan, state: NO_STATE, trouble: null, guard: null }]];
    });
    this.#followed = new Map(declared);
  }

  /** The part of a model's playbook in serving; undefined: it has none. */
  answersOf({ name }: Pick<ModelData, 'name'>): ModelAnswers | undefined {
    const followed = this.#followed.get(name);
    if (followed === undefined) return undefined;
    return {
      guard: () => followed.guard,
      permits: async (rollout, action) => {
        await this.#follow(followed);
        if (followed.trouble !== null)
          return { isConfirmed: false, reason: `the journal of the playbook cannot be read: ${followed.trouble}` };
        const { plan, state } = followed;
        const { isGranted, reason } = mayContinue(plan, state, rollout, action, this.#options.clock());
        return { isConfirmed: isGranted, reason };
      },
    };
  }

  /** Reads what other processes wrote. Never throws: a journal that cannot be read is shown by the part, and read again. */
  async follow(): Promise<void> {
    for (const followed of this.#followed.values()) await this.#follow(followed);
  }

  /** A model that declares a playbook. Error: PLAYBOOK_NONE. */
  declared(name: string): { readonly data: ModelData; readonly plan: PlaybookPlan } {
    return this.#mustFollow(name);
  }

  /** The journal of a model's playbook, to be read and answered. Error: PLAYBOOK_NONE. */
  journal(name: string): PlaybookJournal {
    const followed = this.#mustFollow(name);
    const { store, clock } = this.#options;
    if (store === null) throw fail('PLAYBOOK_NONE', { model: name });
    return new PlaybookJournal({ model: name, store, clock, changed: () => this.#follow(followed) });
  }

  /** Opens the playbook of a model, to be run and asked. Error: PLAYBOOK_NONE. */
  named(name: string, worldOf: WorldOf): Playbook {
    const open = this.#open.get(name);
    if (open !== undefined) return open;
    const options = this.optionsOf(name, worldOf);
    const opened = new Playbook(options);
    this.#open.set(name, opened);
    return opened;
  }

  /** Decides again from the journal of a model and, with `history`, judges its monitors again. Error: PLAYBOOK_NONE. */
  async replay(name: string, worldOf: WorldOf, { history }: { readonly history: boolean }): Promise<Replay> {
    const { data } = this.#mustFollow(name);
    const { store } = this.#options;
    const entries = store === null ? [] : await store.entries(name);
    const world = { model: data, ...worldOf(data) };
    return replay(
      name,
      entries,
      history ? (at, champion) => judgedMonitors({ ...world, judge: new Judge() }, champion, at) : null,
    );
  }

  /** The options of a model's playbook. Error: PLAYBOOK_NONE. */
  optionsOf(name: string, worldOf: WorldOf): PlaybookOptions {
    const { project, store, clock, onFault } = this.#options;
    const followed = this.#mustFollow(name);
    const { data, plan } = followed;
    if (store === null) throw fail('PLAYBOOK_NONE', { model: name });
    return {
      model: name,
      plan,
      labelWithinMs: awaitedMs(data.label),
      declaration: declarationHash(project),
      code: ownVersion(),
      store,
      actions: this.#actionsOf(data, plan, store, worldOf),
      clock,
      onFault,
      changed: () => this.#follow(followed),
    };
  }

  /** The gate of a version that a person rolls out; its model may declare no playbook. */
  async startGate(
    model: ModelData,
    worldOf: WorldOf,
    versions: Pick<StartedVersion, 'version' | 'champion'>,
  ): Promise<GateResult> {
    const now = this.#options.clock();
    const state = this.#followed.get(model.name)?.state ?? NO_STATE;
    const of = { ...versions, exclude: faultySpans(state, now) };
    return startGate({ ...this.#placeOf(model), ...worldOf(model) }, of, now);
  }

  part(): Part {
    return openPart(playbookPart, () => this.#shown(), { tick: () => this.follow() });
  }

  #actionsOf(model: ModelData, plan: PlaybookPlan, store: PlaybookStore, worldOf: WorldOf): PlaybookActions {
    const { clock } = this.#options;
    const isPairing = async (rollout: string) => {
      const { response } = fold(NO_STATE, await store.entries(model.name));
      return plan.shadow !== null && response?.rollout === rollout && !response.isPaired;
    };
    return playbookWorld({ ...this.#placeOf(model), clock, isPairing, ...worldOf(model) });
  }

  #placeOf(model: ModelData) {
    const metric = rolloutPlan(model).success?.metric ?? null;
    return { model, folder: join(this.#options.directory, 'playbook'), metric };
  }

  #mustFollow(name: string): Followed {
    const followed = this.#followed.get(name);
    if (followed === undefined) throw fail('PLAYBOOK_NONE', { model: name });
    return followed;
  }

  async #follow(followed: Followed): Promise<void> {
    const { store, onFault } = this.#options;
    if (store === null) return;
    try {
      const { data, plan, state } = followed;
      const entries = await store.entries(data.name, state.revision);
      followed.trouble = null;
      if (entries.length === 0) return;
      followed.state = fold(state, entries);
      followed.guard = inputGuard(data.service, plan, followed.state);
    } catch (error) {
      const trouble = reasonOf(error);
      if (trouble !== followed.trouble) onFault(error);
      followed.trouble = trouble;
    }
  }

  *#shown(): Generator<FollowedPlaybook> {
    for (const { data, state, trouble } of this.#followed.values()) yield { model: data.name, state, trouble };
  }
}
