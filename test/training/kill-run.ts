import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Random } from '../../src/base/rng.ts';
import { randomBelow } from '../../src/base/rng.ts';
import type { RunOutcome } from '../../src/training/runner/run-outcome.ts';
import { until } from '../until.ts';
import { expectedState, stepsOf } from './run-program.ts';

/** Kills of one run, by kind. */
export interface KillCounts {
  controller: number;
  rank: number;
  insideCheckpoint: number;
}

/** A program to kill: its run, and the check of an ended one. */
export interface KilledProgram {
  readonly spec: Record<string, unknown>;
  /** Throws where the run differs from one without kills. */
  check(folder: string, outcome: RunOutcome): void;
}

const STEPS = 60;
const EVERY = 6;

/** The counting program of one or two ranks. */
function counting(random: Random): KilledProgram {
  const ranks = 1 + randomBelow(random, 2);
  const options = { every: EVERY, bytes: 200_000, stepSeconds: 0.003 };
  return {
    spec: { ranks, targetSteps: STEPS, options },
    check: (folder, outcome) => checkCount(folder, ranks, outcome),
  };
}

/** Runs to try before one is killed: a program may end sooner than a busy machine comes to kill it. */
const RUNS = 5;

/**
 * Runs a program and kills its controller, a rank, or a rank inside a checkpoint write at random, up to `kills` times. Then it lets
 * the run end. A run that ended before its first kill is checked too, and another one starts. Throws where a run differs from one
 * without kills, or a process is left.
 */
export async function killRun(random: Random, kills: number, program = counting(random)): Promise<KillCounts> {
  const counts = { controller: 0, rank: 0, insideCheckpoint: 0 };
  for (let run = 0; run < RUNS && killsOf(counts) === 0; run++) await killOneRun(random, kills, program, counts);
  return counts;
}

export function killsOf(counts: KillCounts): number {
  return counts.controller + counts.rank + counts.insideCheckpoint;
}

async function killOneRun(random: Random, kills: number, program: KilledProgram, counts: KillCounts): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'kill-run-'));
  const spec = { killRestarts: 1000, errorRestarts: 1000, pollMs: 10, ...program.spec };
  try {
    let controller = start(folder, spec);
    for (let kill = 0; kill < kills && !hasEnded(controller.process); kill++) {
      const kind = (['controller', 'rank', 'insideCheckpoint'] as const)[randomBelow(random, 3)] ?? 'rank';
      await looks(randomBelow(random, 200));
      if (kind === 'insideCheckpoint') await until(() => isWriting(folder) || hasEnded(controller.process));
      if (hasEnded(controller.process)) break;
      if (kind === 'controller') {
        controller.process.kill('SIGKILL');
        await controller.ended;
        controller = start(folder, spec);
        counts.controller += 1;
      } else if (await killsRank(folder, random, controller.process)) counts[kind] += 1;
    }
    checkEnd(folder, program, await controller.ended);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function start(folder: string, spec: unknown): { process: ChildProcess; ended: Promise<string> } {
  const program = resolve('test/training/processes/controller.ts');
  const child = spawn(process.execPath, ['--conditions=headrace-source', program, folder, JSON.stringify(spec)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const parts: string[] = [];
  child.stdout.on('data', (bytes) => parts.push(String(bytes)));
  child.stderr.on('data', (bytes) => parts.push(String(bytes)));
  return { process: child, ended: once(child, 'close').then(() => parts.join('')) };
}

/** Lets a number of looks go by, so that kills meet every part of a run. */
async function looks(count: number): Promise<void> {
  let left = count;
  await until(() => left-- <= 0);
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Whether a checkpoint is being written. */
function isWriting(folder: string): boolean {
  return names(join(folder, 'checkpoints')).some((name) => name.startsWith('.tmp-'));
}

/** Kills one rank of the newest attempt as soon as one runs; false where the controller ends first. */
async function killsRank(folder: string, random: Random, controller: ChildProcess): Promise<boolean> {
  let isKilled = false;
  await until(() => {
    isKilled = killRank(folder, random);
    return isKilled || hasEnded(controller);
  });
  return isKilled;
}

function killRank(folder: string, random: Random): boolean {
  const gangs = [...names(join(folder, 'gangs'))].sort((a, b) => Number(a.split('-')[1]) - Number(b.split('-')[1]));
  const pids = pidsOf(join(folder, 'gangs', gangs.at(-1) ?? '')).filter(runsIn(folder));
  const pid = pids.length > 0 ? pids[randomBelow(random, pids.length)] : undefined;
  return pid !== undefined && process.kill(pid, 'SIGKILL');
}

function pidsOf(gang: string): readonly number[] {
  try {
    return JSON.parse(readFileSync(join(gang, 'processes.json'), 'utf8')).map(({ pid }: { pid: number }) => pid);
  } catch {
    return [];
  }
}

function checkEnd(folder: string, program: KilledProgram, output: string): void {
  let outcome: RunOutcome;
  try {
    outcome = JSON.parse(output);
  } catch {
    throw new Error(`the controller printed: ${output}`);
  }
  if (outcome.state !== 'completed') throw new Error(`the run ended otherwise than without kills: ${output}`);
  program.check(folder, outcome);
  const left = names(join(folder, 'gangs')).flatMap((gang) =>
    pidsOf(join(folder, 'gangs', gang)).filter(runsIn(folder)),
  );
  if (left.length > 0) throw new Error(`processes ${left} are left`);
}

/** The state is that of a run without kills, no attempt lost more than an interval, or repeated a step. */
function checkCount(folder: string, ranks: number, outcome: RunOutcome): void {
  const { result } = outcome.result as { result: { state: string } };
  if (result.state !== expectedState(0, STEPS)) throw new Error(`the state differs: ${JSON.stringify(outcome)}`);
  for (const { lostSteps, attempt } of outcome.ledger.attempts)
    if (lostSteps > EVERY) throw new Error(`attempt ${attempt} lost ${lostSteps} steps, more than ${EVERY}`);
  for (let rank = 0; rank < ranks; rank++) {
    for (const [attempt, steps] of stepsOf(folder, rank))
      if (steps.some((step, index) => step !== (steps[0] ?? 0) + index))
        throw new Error(`rank ${rank} repeated or passed over a step in attempt ${attempt}: ${steps}`);
  }
}

/** Whether a process of the folder runs; pids are used again. */
function runsIn(folder: string): (pid: number) => boolean {
  return (pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(folder);
    } catch {
      return false;
    }
  };
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
