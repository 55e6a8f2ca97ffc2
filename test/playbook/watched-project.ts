import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { defineProject, model } from '../../src/features/define/declare.ts';
import type { PlaybookOptions } from '../../src/features/define/playbook.ts';
import type { RolloutOptions } from '../../src/features/define/rollout.ts';
import type { PlaybookActions } from '../../src/playbook/actions.ts';
import { mustRecord } from '../../src/registry/must-record.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { monitorOf } from '../../src/running/local-monitor.ts';
import { prepareForeign } from '../../src/versions/source/open-foreign.ts';
import { asked, came, service } from '../models/small-project.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 5);
const TRAINED = 3000;

/** Predictions in an hour. */
const AN_HOUR = 400;

interface Asked {
  readonly name: string;
  readonly number: number;
  readonly gaps: number | null;
  readonly category: number;
}

/** How an hour of requests differs from the first ones. */
export interface Hour {
  readonly shift?: number;
  /** Labels say the opposite: of all requests, or of some. */
  readonly turned?: boolean | ((request: Asked) => boolean);
  /** The column `gaps` is missing. */
  readonly gapless?: boolean;
  /** The number comes in another unit. */
  readonly factor?: number;
  readonly labelled?: boolean;
  /** Also in `traffic` the requests are events, so that a version can be trained on them. */
  readonly logged?: boolean;
}

/** A rollout that takes an hour or two of the test's time. */
const ROLLOUT: RolloutOptions<'name'> = {
  shadow: '10m',
  steps: [5, 25, 50, 100],
  every: '10m',
  requests: 5,
  guardrails: { p99: false },
  success: { labels: 60, margin: 0.2 },
  soak: '1h',
};

export function watchedProject(
  playbook: PlaybookOptions,
  rollout: RolloutOptions<'name'> = ROLLOUT,
  trainer: { readonly kind: string; readonly [option: string]: unknown } = {
    kind: 'logisticRegression',
    categorical: ['category'],
  },
) {
  const watched = model('watched', {
    task: 'binary',
    service,
    spine: { from: asked, id: 'id' },
    label: { from: came, id: 'asked', value: (e) => e.good, within: '1h' },
    train: { with: trainer },
    monitors: [
      { kind: 'featureDrift', features: ['number', 'gaps', 'category'], k: 2, of: 3 },
      { kind: 'predictionDrift' },
      { kind: 'conceptDrift', k: 1, of: 3 },
    ],
    playbook,
    rollout,
  });
  return { watched, project: defineProject('watch', { asked, came, service, watched }) };
}

/** Options of the environment of a run. */
export type WatchedRunEnvironment = Omit<
  NonNullable<Parameters<typeof openHeadrace>[0]['environment']>,
  'directory' | 'sampleRate'
>;

function isTurned({ turned = false }: Hour, request: Asked): boolean {
  return typeof turned === 'boolean' ? turned : turned(request);
}

/** A project whose clock, requests and labels a test moves by the hour. */
export class WatchedRun {
  now: number;
  readonly headrace: Headrace;
  readonly watched: ReturnType<typeof watchedProject>['watched'];
  readonly project: ReturnType<typeof watchedProject>['project'];
  readonly faults: unknown[] = [];
  /** The begin of its first hour, epoch ms. */
  readonly start: number;
  readonly #random = seededRandom(77);

  private constructor(
    headrace: Headrace,
    of: ReturnType<typeof watchedProject>,
    clock: { now: number },
    start: number,
  ) {
    this.headrace = headrace;
    this.start = start;
    this.watched = of.watched;
    this.project = of.project;
    this.now = clock.now;
    Object.defineProperty(this, 'now', {
      get: () => clock.now,
      set: (at: number) => {
        clock.now = at;
      },
    });
  }

  static async open(
    directory: string,
    { watched, project }: ReturnType<typeof watchedProject>,
    {
      start = START,
      now = start,
      ...environment
    }: WatchedRunEnvironment & { readonly start?: number; readonly now?: number } = {},
  ): Promise<WatchedRun> {
    const clock = { now };
    const faults: unknown[] = [];
    const headrace = await openHeadrace({
      project,
      environment: { directory, sampleRate: 1, ...environment },
      clock: () => clock.now,
      onFault: (error) => faults.push(error),
    });
    const run = new WatchedRun(headrace, { watched, project }, clock, start);
    run.faults.push(...faults);
    return run;
  }

  /** Trains the first champion on an hour of rows. */
  async firstChampion(): Promise<void> {
    const { headrace } = this;
    for (let i = 0; i < TRAINED; i += 100) {
      this.now = this.start + i * 1000;
      const rows = Array.from({ length: 100 }, (_, j) => ({
        id: `t${i + j}`,
        at: this.now + j,
        request: this.#request({}),
      }));
      await headrace.ingest(
        asked,
        rows.map(({ id, at, request }) => ({ id, at, ...request })),
      );
      await headrace.ingest(
        came,
        rows.map(({ id, at, request }) => ({ id: `c${id}`, at: at + 1, asked: id, good: this.#good(request, false) })),
      );
    }
    this.now = this.start + HOUR_MS;
    await headrace.train(this.watched, { to: this.now });
    const { stores } = insideOf(headrace);
    const record = await mustRecord(stores.registry, this.watched.name, 1);
    if (record.trained === null) await prepareForeign(record, stores);
    await headrace.promote(this.watched, 1);
  }

  /** One hour of requests and labels; the rollout is judged and the playbook steps as in a process that serves. */
  async hour(at: number, options: Hour = {}, steps = 6): Promise<void> {
    const { headrace, watched } = this;
    for (let i = 0; i < AN_HOUR; i += 20) {
      this.now = this.start + at * HOUR_MS + Math.floor((i * HOUR_MS) / AN_HOUR);
      const batch = Array.from({ length: 20 }, (_, j) => ({ id: `p${at}-${i + j}`, request: this.#request(options) }));
      await headrace.predictMany(watched, batch);
      const rows = batch.map(({ id, request }) => ({ id, at: this.now, ...request }));
      await headrace.ingest(asked, rows);
      if (options.labelled !== false) {
        const labels = batch.map(({ id, request }, j) => ({
          id: `came-${id}`,
          at: this.now + j,
          asked: id,
          good: this.#good(request, isTurned(options, request)),
        }));
        await headrace.ingest(came, labels);
      }
      if (i % Math.ceil(AN_HOUR / steps / 20) === 0 || i % 60 === 0) await this.judge();
    }
    this.now = this.start + (at + 1) * HOUR_MS;
    await this.judge();
    await headrace.monitor({ wait: true });
  }

  /** One hour of requests and labels alone: nothing is judged. */
  async traffic(at: number, options: Hour = {}): Promise<void> {
    for (let i = 0; i < AN_HOUR; i += 100) {
      this.now = this.start + at * HOUR_MS + Math.floor((i * HOUR_MS) / AN_HOUR);
      const batch = Array.from({ length: 100 }, (_, j) => ({ id: `p${at}-${i + j}`, request: this.#request(options) }));
      await this.headrace.predictMany(this.watched, batch);
      if (options.logged === true)
        await this.headrace.ingest(
          asked,
          batch.map(({ id, request }) => ({ id, at: this.now, ...request })),
        );
      const labels = batch.map(({ id, request }, j) => ({
        id: `came-${id}`,
        at: this.now + j,
        asked: id,
        good: this.#good(request, isTurned(options, request)),
      }));
      await this.headrace.ingest(came, labels);
    }
    this.now = this.start + (at + 1) * HOUR_MS;
  }

  /** Lets the rollout under way continue. */
  async judge(): Promise<void> {
    const control = this.headrace.rollout(this.watched);
    await control.settled();
    if ((await control.active()) === null) return;
    await this.headrace.tick();
    await control.look({ outcomes: 'again' });
  }

  /** The actions of the playbook, as a process that carries out its decisions has them. */
  actions(): PlaybookActions {
    const open = insideOf(this.headrace);
    return open.playbooks.optionsOf(this.watched.name, monitorOf(open).world).actions;
  }

  /** The decisions of the journal, in words. */
  async decisions(): Promise<readonly string[]> {
    const entries = await this.headrace.playbook(this.watched).journal.entries();
    return entries.flatMap((entry) => {
      if (entry.kind !== 'decided') return [];
      const { action } = entry;
      if (action.do === 'openIncident') return [`open ${action.incident.fingerprint}`];
      if (action.do === 'resolveIncident') return [`resolve ${action.fingerprint}`];
      if (action.do === 'stopFeatures' || action.do === 'releaseFeatures')
        return [`${action.do} ${action.features.join(' ')}`];
      if (action.do === 'end') return [`end ${action.outcome}`];
      if (action.do === 'wait') return [`wait ${action.why}`];
      return [action.do];
    });
  }

  #request({ shift = 0, gapless = false, factor = 1 }: Hour): Asked {
    const random = this.#random;
    return {
      name: `n${Math.floor(random() * 5)}`,
      number: (randomNormal(random) * 4 + shift) * factor,
      gaps: gapless || random() < 0.1 ? null : random(),
      category: Math.floor(random() * 5),
    };
  }

  /** The truth: the number decides; `turned` says the opposite. */
  #good({ number }: Asked, turned: boolean): boolean {
    return this.#random() < 1 / (1 + Math.exp(turned ? number : -number));
  }
}
