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

/**
 * Runs a program and kills its controller, a rank, or a rank inside a checkpoint write at random, `kills` times. Then it lets the run
 * end. Throws where the run differs from one without kills, or a process is left.
 */
export async function killRun(random: Random, kills: number, program = counting(random)): Promise<KillCounts> {
  const folder = mkdtempSync(join(tmpdir(), 'kill-run-'));
  const counts = { controller: 0, rank: 0, insideCheckpoint: 0 };
  const spec = { killRestarts: 1000, errorRestarts: 1000, pollMs: 10, ...program.spec };
  try {
    let controller = start(folder, spec);
    for (let kill = 0; kill < kills && controller.process.exitCode === null; kill++) {
      const kind = (['controller', 'rank', 'insideCheckpoint'] as const)[randomBelow(random, 3)] ?? 'rank';
      await looks(randomBelow(random, 200));
      if (kind === 'insideCheckpoint' && !(await insideCheckpoint(folder, controller.process))) continue;
      if (kind === 'controller') {
        controller.process.kill('SIGKILL');
        await controller.ended;
        controller = start(folder, spec);
      } else if (!killRank(folder, random)) continue;
      counts[kind] += 1;
    }
    checkEnd(folder, program, await controller.ended);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return counts;
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

/** Waits until a checkpoint is being written, or the controller has ended. */
async function insideCheckpoint(folder: string, controller: ChildProcess): Promise<boolean> {
  const isWriting = () => names(join(folder, 'checkpoints')).some((name) => name.startsWith('.tmp-'));
  await until(() => isWriting() || controller.exitCode !== null);
  return controller.exitCode === null;
}

/** Kills one rank of the newest attempt that has started. */
function killRank(folder: string, random: Random): boolean {
  const gangs = [...names(join(folder, 'gangs'))].sort((a, b) => Number(a.split('-')[1]) - Number(b.split('-')[1]));
  const pids = pidsOf(join(folder, 'gangs', gangs.at(-1) ?? ''));
  const pid = pids[randomBelow(random, Math.max(1, pids.length))];
  if (pid === undefined) return false;
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
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
