import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isHeadraceError } from '../../base/errors/fail.ts';
import type { GangState } from '../../ports/training-backend.ts';
import { CheckpointWatch } from './checkpoint-watch.ts';
import { CheckpointCache, putAside, removeUnfinished } from './checkpoints.ts';
import { classifyEnd } from './classify-end.ts';
import type { ControllerOptions } from './controller-options.ts';
import { type ExitClass, exitActions, type OwnAction, type RankExit } from './exit-class.ts';
import { Liveness } from './heartbeat.ts';
import { Journal, type JournalEntry } from './journal.ts';
import { type Ledger, ledgerOf } from './ledger.ts';
import { rankEnvironments } from './rank-environment.ts';
import { RankProgress } from './rank-progress.ts';
import { failuresInARow, isEnd, mayRestart } from './restart-limits.ts';
import { clearAttempt, makeFolders, RUN_FORMAT, type RunFiles, replaceJson, runFiles } from './run-files.ts';
import { type RunOutcome, readResult } from './run-outcome.ts';
import { RunPlacement, type RunProgress } from './run-placement.ts';
import { checkTransition, isFinal, type RunState } from './run-state.ts';
import { isSlowStart, loadsInVain, usualStart } from './start-watch.ts';

const LONGEST_BACKOFF_MS = 600_000;

/**
 * Runs a program to its end, through preemptions, kills and hangs, and through kills of this controller: the journal in the folder
 * restores it. Errors: RUN_JOURNAL, RUN_GANG, CHECKPOINT_WORLD_SIZE, CHECKPOINT_NEWER.
 */
export async function superviseRun(options: ControllerOptions): Promise<RunOutcome> {
  const controller = new Controller(options);
  try {
    return await controller.run();
  } finally {
    controller.close();
  }
}

class Controller {
  readonly #options: ControllerOptions;
  readonly #files: RunFiles;
  readonly #journal: Journal;
  readonly #checkpoints: CheckpointWatch;
  readonly #checked = new CheckpointCache();
  readonly #placement: RunPlacement;
  #state: RunState = 'planned';
  #attempt = 0;
  readonly #progress: RankProgress;
  #unreachable = false;
  #waits = false;
  /** Whether every rank of the attempt has done a new step. */
  #hasStepped = false;
  /** Seconds that the back end counts for the running attempt. */
  #billedSeconds: number | undefined;
  /** When the attempt was submitted, epoch ms. */
  #submittedAt = 0;
  #last: { class: ExitClass; tail: readonly string[]; exit: RankExit | null } | null = null;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#files = runFiles(options.folder);
    makeFolders(this.#files);
    this.#journal = Journal.open(this.#files.journal, options.run);
    this.#checkpoints = new CheckpointWatch({
      files: this.#files,
      spec: options.spec,
      note: (event, data) => this.#note(event, data),
      enter: (state) => this.#enter(state),
      lastNoted: () => this.#journal.entries.findLast(({ event }) => event === 'checkpoint')?.data['name'],
    });
    this.#progress = new RankProgress({
      folder: options.folder,
      ranks: options.spec.ranks,
      note: (event, data) => this.#note(event, data),
    });
    this.#placement = new RunPlacement(options.placer, options.spec.pricePerHour, (data) =>
      this.#note('placement', data),
    );
    for (const { event, attempt, data } of this.#journal.entries) {
      this.#attempt = Math.max(this.#attempt, attempt);
      if (event === 'placement') this.#placement.restore(data['memory']);
      if (event === 'state') this.#state = data['to'] as RunState;
      if (event === 'ended') this.#last = { class: data['class'] as ExitClass, tail: [], exit: null };
    }
    this.#progress.begin(this.#attempt, 0);
  }

  async run(): Promise<RunOutcome> {
    // An attempt that the controller before left: nothing of it may run next to its successor.
    if (this.#attempt > 0) await this.#options.backend.cancel(this.#gang);
    const open = this.#journal.entries.findLast(({ event }) => event === 'submitted' || isEnd(event));
    if (open?.event === 'submitted')
      this.#note('abandoned', { gang: this.#gang, step: this.#progress.end(), endedAt: this.#diedAt() });
    if (this.#startsAgain()) this.#enter('planned');
    else if (isFinal(this.#state)) this.#progress.begin(this.#attempt, this.#lastStep());
    while (!isFinal(this.#state)) {
      if (this.#options.signal?.aborted === true) this.#enter('cancelled');
      else await this.#runAttempt();
    }
    return this.#outcome();
  }

  /** When an attempt ended that lost its controller, epoch ms: with it, or now. */
  #diedAt(): number {
    if (this.#options.backend.outlivesSubmitter) return Date.now();
    return Math.min(Date.now(), Math.max(this.#journal.entries.at(-1)?.wall ?? 0, this.#progress.lastAt));
  }

  /** A run that ended resumes when its owner starts it again; a completed one only if it has more steps to do. */
  #startsAgain(): boolean {
    if (!isFinal(this.#state)) return false;
    const { targetSteps } = this.#options.spec;
    return this.#state !== 'completed' || (targetSteps !== null && targetSteps > this.#lastStep());
  }

  #lastStep(): number {
    return Number(this.#journal.entries.findLast(({ event }) => event === 'ended')?.data['step'] ?? 0);
  }

  close(): void {
    this.#journal.close();
  }

  async #runAttempt(): Promise<void> {
    const { spec, backend, run, hold } = this.#options;
    removeUnfinished(this.#files.checkpoints);
    const { newest, damaged } = await this.#checked.newest(this.#files.checkpoints, spec.ranks);
    if (newest !== null && loadsInVain(this.#journal.entries, basename(newest.path))) {
      const reason = 'two attempts hung while they loaded it';
      this.#note('damagedCheckpoint', { name: basename(newest.path), reason });
      putAside(newest.path);
      return;
    }
    for (const { path, reason } of damaged) {
      this.#note('damagedCheckpoint', { name: basename(path), reason });
      putAside(path);
    }
    if (this.#overBudget()) return this.#finish('budget', [], null);
    this.#attempt += 1;
    this.#progress.begin(this.#attempt, newest?.manifest.step ?? 0);
    this.#enter('provisioning');
    this.#submittedAt = Date.now();
    this.#waits = false;
    this.#hasStepped = false;
    this.#billedSeconds = undefined;
    const placement = this.#placement.place(this.#facts(false));
    if (placement === null) return this.#waitForInstances();
    clearAttempt(this.#files);
    const attempt = this.#attempt;
    replaceJson(this.#files.run, {
      format: RUN_FORMAT,
      run,
      attempt,
      worldSize: spec.ranks,
      targetSteps: spec.targetSteps,
      resume: newest?.path ?? null,
      checkpoints: this.#files.checkpoints,
      options: spec.options,
      ...(attempt === 1 && hold !== undefined ? { hold } : {}),
    });
    this.#note('submitted', {
      gang: this.#gang,
      step: this.#progress.step,
      checkpoint: newest === null ? null : basename(newest.path),
      ...placement,
    });
    try {
      await backend.submit({
        id: this.#gang,
        command: spec.command,
        directory: this.#files.folder,
        placement: placement.name,
        ranks: rankEnvironments({ run, attempt, ranks: spec.ranks, files: this.#files, resume: newest?.path ?? null }),
      });
    } catch (error) {
      if (!isHeadraceError(error)) throw error;
      return this.#notProvisioned(error.message);
    }
    this.#enter('starting');
    this.#checkpoints.start(attempt);
    await this.#end(await this.#watch());
  }

  /** Follows the ranks until all have ended: how they did, and why the controller ended them, if it did. */
  async #watch(): Promise<{ readonly own: OwnAction | null; readonly state: GangState }> {
    const { spec, backend } = this.#options;
    const watch = {
      liveness: this.#newLiveness(),
      own: null as OwnAction | null,
      deadline: Number.POSITIVE_INFINITY,
      noticed: false,
      state: this.#allRunning(),
    };
    for (;;) {
      const state = await this.#gangState(watch.state);
      watch.state = state;
      const now = performance.now();
      this.#waits = state.waits === true;
      this.#billedSeconds = state.billedSeconds;
      // A gang that waits for instances takes no step, and does not hang.
      if (this.#waits) {
        watch.liveness = this.#newLiveness();
        this.#progress.startsAgain();
      }
      if (state.step !== undefined) this.#progress.report(state.step);
      this.#seeProgress(watch.liveness, now);
      this.#checkpoints.look(watch.liveness, this.#state, now);
      this.#placement.look(this.#facts(watch.liveness.started));
      this.#options.onPoll?.(this.#progress.step);
      const ended = state.ranks.filter((rank) => rank.state !== 'running').length;
      if (ended === state.ranks.length) {
        await this.#checkpoints.settle(watch.liveness, this.#state, now);
        return watch;
      }
      // The gang is held all or none: one rank that failed, or is lost, ends the others.
      if (
        state.ranks.some((rank) => rank.state === 'lost' || (rank.state === 'ended' && rank.code !== 0)) ||
        state.preempted ||
        this.#placement.news === 'gone'
      )
        watch.deadline = Math.min(watch.deadline, now + (state.preempted ? spec.graceMs : 0));
      if (this.#placement.news === 'notice' && !watch.noticed) {
        watch.noticed = true;
        await backend.signal(this.#gang, 'SIGTERM');
      }
      for (const [rank, one] of state.ranks.entries()) if (one.state === 'ended') watch.liveness.leave(rank);
      const own = watch.own ?? this.#ownAction(watch.liveness, now);
      if (own !== null && watch.own === null) {
        watch.own = own;
        this.#note('ending', { why: own, gang: this.#gang });
        await backend.signal(this.#gang, own === 'hang' ? 'SIGQUIT' : 'SIGTERM');
        watch.deadline = now + (own === 'hang' ? Math.min(spec.graceMs, 5_000) : spec.graceMs);
      }
      if (now >= watch.deadline) await backend.signal(this.#gang, 'SIGKILL');
      await pause(spec.pollMs);
    }
  }

  #allRunning(): GangState {
    const ranks = Array.from({ length: this.#options.spec.ranks }, () => ({ state: 'running' }) as const);
    return { ranks, preempted: false, oomKills: 0 };
  }

  /** The state of the gang; while its back end does not answer, the previous one. Heartbeats tell a gang that hangs meanwhile. */
  async #gangState(before: GangState): Promise<GangState> {
    try {
      const state = await this.#options.backend.state(this.#gang);
      this.#unreachable = false;
      return state;
    } catch (error) {
      if (!isHeadraceError(error) || error.code !== 'RUN_UNREACHABLE') throw error;
      if (!this.#unreachable) this.#note('unreachable', { gang: this.#gang, reason: error.message });
      this.#unreachable = true;
      return before;
    }
  }

  #facts(running: boolean): RunProgress {
    return {
      step: this.#progress.step,
      targetSteps: this.#options.spec.targetSteps,
      running,
      waits: this.#waits,
      began: this.#journal.entries[0]?.wall ?? Date.now(),
      submitted: this.#submittedAt,
    };
  }

  #newLiveness(): Liveness {
    const { spec } = this.#options;
    return new Liveness({ ranks: spec.ranks, now: performance.now(), leastMs: spec.hangMs, startMs: spec.startMs });
  }

  #ownAction(liveness: Liveness, now: number): OwnAction | null {
    if (this.#options.signal?.aborted === true) return 'cancel';
    if (this.#overBudget()) return 'budget';
    if (this.#progress.hasDiverged && this.#options.spec.stopWhenDiverged) return 'diverged';
    if (liveness.hanging(now) !== null) return 'hang';
    return this.#placement.news === 'leave' ? 'switch' : null;
  }

  #seeProgress(liveness: Liveness, now: number): void {
    this.#progress.see(liveness, now);
    if (liveness.started && this.#state === 'starting') this.#enter('running');
    if (liveness.advanced && !this.#hasStepped) this.#noteFirstStep();
  }

  /** The time to the first new step of an attempt, and a warning where it is far above the usual one. */
  #noteFirstStep(): void {
    this.#hasStepped = true;
    const usual = usualStart(this.#journal.entries);
    const seconds = (Date.now() - this.#submittedAt) / 1000;
    this.#note('firstStep', { seconds });
    if (isSlowStart(seconds, usual)) this.#note('slowStart', { seconds, usual });
  }

  async #end({ own, state }: { readonly own: OwnAction | null; readonly state: GangState }): Promise<void> {
    const { spec, backend } = this.#options;
    await backend.cancel(this.#gang);
    this.#seeProgress(this.#newLiveness(), performance.now());
    if (state.waits === true && own === null && state.ranks.every((rank) => rank.state === 'lost'))
      return this.#notProvisioned(state.detail ?? 'no instances');
    const tails = await Promise.all(state.ranks.map((_, rank) => backend.tail(this.#gang, rank, 20)));
    const { found, tail, exit } = classifyEnd(state, tails, {
      own,
      isTaken: this.#placement.isTaken,
      ranksResume: this.#options.ranksResume === true,
      step: this.#progress.end(),
      targetSteps: spec.targetSteps,
    });
    this.#finish(found, tail, exit, state.billedSeconds);
  }

  #finish(found: ExitClass, tail: readonly string[], exit: RankExit | null, billedSeconds?: number): void {
    const step = this.#attempt === 0 ? 0 : this.#progress.end();
    const billed = billedSeconds === undefined ? {} : { seconds: billedSeconds };
    this.#note('ended', { class: found, step, gang: this.#gang, ...billed });
    this.#last = { class: found, tail, exit };
    if (found === 'completed') this.#enter('completed');
    else if (found === 'cancelled') this.#enter('cancelled');
    else if (!mayRestart(found, this.#journal.entries, this.#options.spec)) this.#enter('failed');
    else this.#enter(found === 'switch' ? 'switching' : found === 'preempted' ? 'preempted' : 'provisioning');
  }

  /** The policy waits, or there are no spot instances: it decides again at the next tick. */
  async #waitForInstances(): Promise<void> {
    this.#note('notProvisioned', { reason: 'no instances', gang: this.#gang });
    await pause(this.#options.spec.pollMs);
  }

  /** A gang that could not start costs nothing and counts against no limit. The wait doubles, with jitter. */
  async #notProvisioned(reason: string): Promise<void> {
    const failures = failuresInARow(this.#journal.entries) + 1;
    this.#note('notProvisioned', { reason, failures, gang: this.#gang });
    const most = Math.min(LONGEST_BACKOFF_MS, (this.#options.backoffMs ?? 60_000) * 2 ** (failures - 1));
    const { signal } = this.#options;
    await pause(most * (0.5 + Math.random() / 2), undefined, { ...(signal === undefined ? {} : { signal }) }).catch(
      () => undefined,
    );
  }

  /** Whether the next poll could pass the budget. */
  #overBudget(): boolean {
    const { budget, pricePerHour, graceMs, pollMs } = this.#options.spec;
    if (budget === null) return false;
    const next = ((graceMs + pollMs) / 3_600_000) * pricePerHour;
    return this.#ledger().cost + next > budget;
  }

  #ledger(): Ledger {
    return ledgerOf(this.#journal.entries, {
      now: Date.now(),
      speed: this.#placement.speed,
      openSeconds: this.#billedSeconds,
    });
  }

  #enter(to: RunState): void {
    checkTransition(this.#state, to);
    this.#note('state', { from: this.#state, to });
    this.#state = to;
  }

  #note(event: string, data: JournalEntry['data']): void {
    const entry = this.#journal.append({ attempt: this.#attempt, event, data });
    this.#options.onEntry?.(entry);
  }

  get #gang(): string {
    return `${this.#options.run}-${this.#attempt}`;
  }

  #outcome(): RunOutcome {
    return {
      state: this.#state,
      class: this.#last?.class ?? null,
      hint: this.#last === null ? '' : exitActions[this.#last.class].hint,
      step: this.#progress.step,
      result: this.#state === 'completed' && existsSync(this.#files.done) ? readResult(this.#files.done) : null,
      tail: this.#last?.tail ?? [],
      exit: this.#last?.exit ?? null,
      ledger: this.#ledger(),
    };
  }
}
