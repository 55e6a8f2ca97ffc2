import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import { fail } from '../../src/base/errors/fail.ts';
import { type PlaybookOptions, type PlaybookPlan, playbookPlan } from '../../src/features/define/playbook.ts';
import type { RolloutOptions } from '../../src/features/define/rollout.ts';
import { Judge } from '../../src/findings/judge.ts';
import type { GateResult } from '../../src/playbook/actions.ts';
import { mayContinue } from '../../src/playbook/may-continue.ts';
import { Playbook } from '../../src/playbook/playbook.ts';
import { playbookWorld } from '../../src/playbook/playbook-world.ts';
import type { RemedyTrial } from '../../src/playbook/remedy-trial.ts';
import { type Replay, replay } from '../../src/playbook/replay.ts';
import { seenRollout } from '../../src/playbook/seen-rollout.ts';
import type { PlaybookEntry, SeenMonitor, SeenRollout, SeenWindow } from '../../src/ports/playbook-store.ts';
import { NO_EVIDENCE } from '../../src/serving/rollout/evidence.ts';
import { registryVersions } from '../../src/serving/rollout/rolled-versions.ts';
import { RolloutControl } from '../../src/serving/rollout/rollout-control.ts';
import { httpHooks } from '../../src/serving/rollout/rollout-hooks.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { readNumbers } from '../../src/site/table-files.ts';
import { newVersion } from '../../src/testing/contracts/model-registry.ts';
import { MemoryArtifactStore } from '../memory/artifact-store.ts';
import { MemoryIncidents } from '../memory/incidents.ts';
import { registeredIn } from '../models/registered.ts';
import { playbookStore, rolloutStore } from '../sql-stores.ts';
import { watchedProject } from './watched-project.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** A Monday, 00:00 UTC. */
export const MONDAY = Date.UTC(2026, 0, 5);

const NO_LOSSES = { predictions: 0, loss: { n: 0, mean: 0, m2: 0 } };

/** The findings that a test says. */
export interface Findings {
  readonly drift?: boolean;
  readonly fault?: boolean | SeenWindow['faults'][number];
  readonly breach?: string | null;
  readonly paired?: SeenRollout['paired'];
}

/** A playbook over stores in memory, whose findings, gate and clock a test says. Everything else is the product's own. */
export class PlaybookDesk {
  now = MONDAY;
  findings: Findings = {};
  gate: GateResult = { isPassed: true, reason: 'as the test says', slices: {} };
  trial: RemedyTrial = { verdict: 'gain', basis: 'labels', rows: 100, reason: 'as the test says' };
  /** The error of each training; null: it succeeds. */
  trainingFails: string | null = null;
  /** Labelled rows of a span, as a training counts them; null: always enough. */
  rowsOf: ((span: { readonly from: number; readonly to: number }) => number) | null = null;
  /** Windows of the concept monitor. */
  conceptWindows: (() => readonly SeenWindow[]) | null = null;
  /** Calls of actions with an effect, in order. */
  readonly done: string[] = [];
  readonly faults: unknown[] = [];
  readonly plan: PlaybookPlan;
  readonly playbook: Playbook;
  readonly control: RolloutControl;
  readonly store = playbookStore();
  readonly incidents = new MemoryIncidents();
  readonly #folder = mkdtempSync(join(tmpdir(), 'headrace-desk-'));
  readonly #registry = openSqliteRegistry(join(this.#folder, 'registry.sqlite'));
  readonly #rollouts = rolloutStore();

  constructor(written: PlaybookOptions, rollout?: RolloutOptions<'name'>, labelWithinMs?: number) {
    const { watched } = watchedProject(written, rollout);
    const plan = playbookPlan(watched);
    if (plan === null) throw new Error('no plan');
    this.plan = plan;
    const clock = () => this.now;
    const registry = this.#registry;
    const hooks = {
      ...httpHooks,
      confirm: async (of: Parameters<typeof mayContinue>[2], { action }: { action: 'advance' | 'promote' }) => {
        const { isGranted, reason } = mayContinue(plan, await this.playbook.journal.state(), of, action, this.now);
        return { isConfirmed: isGranted, reason };
      },
    };
    this.control = new RolloutControl({
      model: watched,
      store: this.#rollouts,
      versions: registryVersions(registry, watched.name),
      hooks,
      check: async () => undefined,
      unloadable: () => null,
      outcomes: async () => ({ canary: NO_LOSSES, baseline: NO_LOSSES }),
      changed: async () => undefined,
      settled: async () => undefined,
      clock,
      monotonic: clock,
      newId: () => 'by-hand',
    });
    const artifacts = new MemoryArtifactStore();
    const world = playbookWorld({
      judge: new Judge(),
      model: watched,
      registry,
      rollouts: this.#rollouts,
      artifacts,
      registered: registeredIn({ registry, artifacts, runtime: onnxRuntime }),
      readNumbers,
      withHistory: () => Promise.reject(new Error('the test has no history')),
      train: async ({ decision, from = Number.NEGATIVE_INFINITY, to = this.now, leastRows }) => {
        const rows = this.rowsOf?.({ from, to }) ?? leastRows;
        if (rows < leastRows) throw fail('PLAYBOOK_ROWS', { model: 'watched', rows, least: leastRows });
        this.done.push('train');
        if (this.trainingFails !== null) throw new Error(this.trainingFails);
        return registry.register(
          newVersion('watched', {
            lineage: { ...newVersion('watched').lineage, decision: decision ?? '' },
            createdAt: this.now,
          }),
        );
      },
      writeSet: async () => 0,
      startRollout: async (id, version, decision) => {
        this.done.push('rollOut');
        await this.control.start(version, decision, id);
      },
      rollBack: async (decision) => {
        this.done.push('rollBack');
        await this.control.rollBack(decision);
      },
      folder: this.#folder,
      incidents: this.incidents,
      clock,
      metric: null,
      isPairing: async () => false,
    });
    this.playbook = new Playbook({
      model: watched.name,
      plan,
      labelWithinMs: labelWithinMs ?? watched.label.withinMs,
      declaration: 'test',
      code: 'test',
      store: this.store,
      clock,
      onFault: (error) => this.faults.push(error),
      actions: {
        ...world,
        observe: async () => this.#observe(),
        gate: async () => this.gate,
        tryRemedy: async () => {
          this.done.push('tryRemedy');
          return this.trial;
        },
        audit: async (id) => ({ rows: 0, path: id, digest: '' }),
      },
    });
  }

  /** The first champion. */
  async start(): Promise<this> {
    await this.#registry.register(newVersion('watched'));
    await this.#registry.moveAlias('watched', 'champion', { expected: null, to: 1, at: 0 });
    return this;
  }

  champion(): Promise<number | null> {
    return Promise.resolve(this.#registry.alias('watched', 'champion'));
  }

  /** Steps of `every` until an instant, with a look of the rollout after each. */
  async until(at: number, every = 6 * HOUR_MS): Promise<void> {
    for (; this.now < at; this.now += every) await this.step();
  }

  async step(): Promise<void> {
    await this.playbook.step({ wait: true });
    await this.control.look({ outcomes: 'again' });
  }

  /** Counts requests of both cohorts in the rollout under way, as servers report them. */
  async requests(count: number): Promise<void> {
    const id = (await this.#rollouts.newest('watched'))?.id ?? '';
    const lane = { ...NO_EVIDENCE.canary, requests: count };
    await this.#rollouts.observe(id, 'server', { ...NO_EVIDENCE, canary: lane, baseline: lane });
  }

  entries(): Promise<readonly PlaybookEntry[]> {
    return this.playbook.journal.entries();
  }

  /** Instants of decisions to do something. */
  async decided(action: string): Promise<readonly number[]> {
    return (await this.entries()).flatMap((entry) =>
      entry.kind === 'decided' && entry.action.do === action ? [entry.at] : [],
    );
  }

  /** Ends of responses, in words. */
  async ends(): Promise<readonly string[]> {
    return (await this.entries()).flatMap((entry) =>
      entry.kind === 'decided' && entry.action.do === 'end' ? [entry.action.outcome] : [],
    );
  }

  /** Reasons to wait, in order. */
  async waits(): Promise<readonly string[]> {
    return (await this.entries()).flatMap((entry) =>
      entry.kind === 'decided' && entry.action.do === 'wait' ? [entry.action.why] : [],
    );
  }

  async replayed(): Promise<Replay> {
    return replay('watched', await this.entries());
  }

  async close(): Promise<void> {
    await this.#registry.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #observe() {
    const champion = await this.champion();
    const newest = await this.#rollouts.newest('watched');
    const { drift = false, fault = false, breach = null, paired = null } = this.findings;
    const version = champion ?? 0;
    // The first version alone is out of date, unless a test says that drift stays.
    const monitors = [
      this.#monitor('featureDrift', version, fault ? 'fault' : 'ok'),
      this.#monitor('conceptDrift', version, drift ? 'drift' : 'ok'),
    ];
    if (newest === null) return { champion, monitors, rollout: null };
    const seen = seenRollout(newest, await this.#rollouts.events(newest.id));
    const isShadow = newest.state === 'shadow' || newest.held?.from === 'shadow';
    return {
      champion,
      monitors,
      rollout: {
        ...seen,
        breach: newest.state === 'soaking' ? breach : null,
        paired: isShadow ? paired : null,
      },
    };
  }

  #monitor(kind: SeenMonitor['kind'], version: number, state: string): SeenMonitor {
    const to = Math.floor(this.now / HOUR_MS) * HOUR_MS;
    const { fault } = this.findings;
    const missing = { kind: 'missing', columns: ['gaps'], text: 'missing in 40 % of rows' };
    const faults = state === 'fault' ? [typeof fault === 'object' ? fault : missing] : [];
    const window: SeenWindow = {
      from: to - HOUR_MS,
      to,
      rows: 400,
      state,
      reason: state,
      faults,
      drifted: [],
      changedAt: state === 'drift' ? to - 30 * DAY_MS : null,
    };
    const windows = kind === 'conceptDrift' ? (this.conceptWindows?.() ?? [window]) : [window];
    return { kind, version, state, reason: state, metric: 'brier', windows };
  }
}
