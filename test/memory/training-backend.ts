import { fail } from '../../src/base/errors/fail.ts';
import type { GangSpec, GangState, RankState, TrainingBackend } from '../../src/ports/training-backend.ts';

/** One rank of a gang in memory. */
export interface MemoryRank {
  readonly environment: Readonly<Record<string, string>>;
  print(line: string): void;
  /** Resolves with each signal but SIGKILL, which ends the rank at once. */
  onSignal(take: (signal: 'SIGTERM' | 'SIGQUIT') => void): void;
}

/** A program: its exit code, when it ends. */
export type MemoryProgram = (rank: MemoryRank) => Promise<number>;

interface Rank {
  state: RankState;
  readonly lines: string[];
  readonly takers: ((signal: 'SIGTERM' | 'SIGQUIT') => void)[];
}

/** Gangs of functions, by the first word of a command: the definition of the port. */
export class MemoryTrainingBackend implements TrainingBackend {
  readonly kind = 'memory';
  readonly outlivesSubmitter = false;
  readonly #programs: Readonly<Record<string, MemoryProgram>>;
  readonly #gangs = new Map<string, readonly Rank[]>();

  constructor(programs: Readonly<Record<string, MemoryProgram>>) {
    this.#programs = programs;
  }

  async submit({ id, command, ranks }: GangSpec): Promise<void> {
    if (this.#gangs.has(id)) return;
    const program = this.#programs[command[0]];
    if (program === undefined) throw fail('RUN_SUBMIT', { gang: id, reason: `there is no program ${command[0]}` });
    this.#gangs.set(
      id,
      ranks.map((environment) => start(program, environment)),
    );
  }

  async state(id: string): Promise<GangState> {
    const ranks = this.#gangs.get(id);
    if (ranks === undefined) throw fail('RUN_GANG', { gang: id });
    return { ranks: ranks.map(({ state }) => state), preempted: false, oomKills: 0 };
  }

  async signal(id: string, signal: 'SIGTERM' | 'SIGKILL' | 'SIGQUIT'): Promise<void> {
    for (const rank of this.#gangs.get(id) ?? []) {
      if (signal === 'SIGKILL') kill(rank);
      else for (const take of rank.takers) take(signal);
    }
  }

  async tail(id: string, rank: number, lines: number): Promise<readonly string[]> {
    return this.#gangs.get(id)?.[rank]?.lines.slice(-lines) ?? [];
  }

  async cancel(id: string): Promise<void> {
    this.#gangs.get(id)?.forEach(kill);
  }

  async close(): Promise<void> {
    for (const id of this.#gangs.keys()) await this.cancel(id);
  }
}

function start(program: MemoryProgram, environment: Readonly<Record<string, string>>): Rank {
  const rank: Rank = { state: { state: 'running' }, lines: [], takers: [] };
  const isRunning = () => rank.state.state === 'running';
  program({
    environment,
    print: (line) => {
      if (isRunning()) rank.lines.push(line);
    },
    onSignal: (take) => rank.takers.push(take),
  }).then((code) => {
    if (isRunning()) rank.state = { state: 'ended', code, signal: null };
  });
  return rank;
}

function kill(rank: Rank): void {
  if (rank.state.state === 'running') rank.state = { state: 'ended', code: null, signal: 'SIGKILL' };
}
