import type { GangSpec, GangState, TrainingBackend } from '../../ports/training-backend.ts';
import { type Contract, mustEqual, mustFail } from './contract.ts';

/** Programs of the contract, as commands of the back end. */
export interface GangPrograms {
  /** Prints `rank <HEADRACE_RANK>`, and ends with 0. */
  readonly prints: readonly [string, ...string[]];
  /** Prints `line 0` to `line 99`, and ends with 3. */
  readonly fails: readonly [string, ...string[]];
  /** Prints `ready`; on SIGTERM it prints `saved` and ends with 143. It never ends by itself. */
  readonly waits: readonly [string, ...string[]];
}

/** The subject: a back end without gangs, and a folder in which its programs may run. */
export interface TrainingBackendSubject {
  /** Opens it; a second one is another process that knows the same gangs. */
  open(): TrainingBackend;
  readonly programs: GangPrograms;
  readonly directory: string;
}

export type TrainingBackendNeed =
  /** Ranks get signals; without it a gang can only be cancelled. */
  | 'signals'
  /** Gangs of several ranks. */
  | 'ranks'
  /** Another process can cancel a gang. */
  | 'processes';

/** Looks until a condition holds: a back end may take as long as it likes. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const isOver = ({ ranks }: GangState) => ranks.every(({ state }) => state !== 'running');

async function over(backend: TrainingBackend, id: string): Promise<GangState> {
  await until(async () => isOver(await backend.state(id)));
  return backend.state(id);
}

/** Waits until every rank of a gang has printed a line. */
async function printed(backend: TrainingBackend, id: string, ranks: number, line: string): Promise<void> {
  for (let rank = 0; rank < ranks; rank++) await until(async () => (await backend.tail(id, rank, 200)).includes(line));
}

function gang(subject: TrainingBackendSubject, id: string, program: keyof GangPrograms, ranks: number): GangSpec {
  return {
    id,
    command: subject.programs[program],
    directory: subject.directory,
    ranks: Array.from({ length: ranks }, (_, rank) => ({ HEADRACE_RANK: String(rank) })),
  };
}

/** Closes a back end, with its gangs, after the work. */
async function using(subject: TrainingBackendSubject, work: (backend: TrainingBackend) => Promise<void>) {
  const backend = subject.open();
  try {
    await work(backend);
  } finally {
    for (const id of ['one', 'two']) await backend.cancel(id);
    await backend.close();
  }
}

/** The rules of `ports/training-backend.ts`. */
export const trainingBackendContracts: readonly Contract<TrainingBackendSubject, TrainingBackendNeed>[] = [
  {
    rule: 1,
    name: 'every rank starts with its own variables, and a second call with the id starts nothing',
    needs: [],
    run: (subject) =>
      using(subject, async (backend) => {
        await backend.submit(gang(subject, 'one', 'prints', 1));
        await backend.submit(gang(subject, 'one', 'prints', 1));
        mustEqual((await over(backend, 'one')).ranks, [{ state: 'ended', code: 0, signal: null }], 'the rank');
        await backend.submit(gang(subject, 'one', 'prints', 1));
        mustEqual(await backend.tail('one', 0, 9), ['rank 0'], 'its output');
      }),
  },
  {
    rule: 1,
    name: 'the ranks of a gang run together',
    needs: ['ranks'],
    run: (subject) =>
      using(subject, async (backend) => {
        await backend.submit(gang(subject, 'one', 'prints', 2));
        mustEqual((await over(backend, 'one')).ranks.length, 2, 'ranks');
        for (let rank = 0; rank < 2; rank++)
          mustEqual(await backend.tail('one', rank, 9), [`rank ${rank}`], `output of rank ${rank}`);
      }),
  },
  {
    rule: 2,
    name: 'an unknown gang is RUN_GANG; the state of one that ended stays, with its exit code',
    needs: [],
    run: (subject) =>
      using(subject, async (backend) => {
        await mustFail('RUN_GANG', () => backend.state('one'), 'before it is submitted');
        await backend.submit(gang(subject, 'one', 'fails', 1));
        const [rank] = (await over(backend, 'one')).ranks;
        mustEqual(rank, { state: 'ended', code: 3, signal: null }, 'the end');
        await backend.cancel('one');
        mustEqual((await backend.state('one')).ranks[0], rank, 'the end, after a cancel');
      }),
  },
  {
    rule: 3,
    name: 'a signal reaches all ranks of its gang, and no other gang',
    needs: ['signals'],
    run: (subject) =>
      using(subject, async (backend) => {
        await backend.submit(gang(subject, 'one', 'waits', 1));
        await backend.submit(gang(subject, 'two', 'waits', 1));
        await printed(backend, 'one', 1, 'ready');
        await printed(backend, 'two', 1, 'ready');
        await backend.signal('one', 'SIGTERM');
        mustEqual((await over(backend, 'one')).ranks[0], { state: 'ended', code: 143, signal: null }, 'its end');
        await printed(backend, 'one', 1, 'saved');
        mustEqual(isOver(await backend.state('two')), false, 'whether the other gang has ended');
        mustEqual((await backend.tail('two', 0, 9)).includes('saved'), false, 'whether it was signalled');
        await backend.cancel('two');
      }),
  },
  {
    rule: 4,
    name: 'after a cancel no rank runs; a second one is no error, and neither is that of an unknown gang',
    needs: [],
    run: (subject) =>
      using(subject, async (backend) => {
        await backend.submit(gang(subject, 'one', 'waits', 1));
        await printed(backend, 'one', 1, 'ready');
        await backend.cancel('one');
        mustEqual(isOver(await backend.state('one')), true, 'whether it has ended');
        await backend.cancel('one');
        await backend.cancel('none');
      }),
  },
  {
    rule: 4,
    name: 'another process cancels a gang',
    needs: ['processes'],
    run: (subject) =>
      using(subject, async (backend) => {
        await backend.submit(gang(subject, 'one', 'waits', 1));
        await printed(backend, 'one', 1, 'ready');
        await subject.open().cancel('one');
        await over(backend, 'one');
      }),
  },
  {
    rule: 5,
    name: 'the tail of a rank has its last lines, also after its end; no more than were asked for',
    needs: [],
    run: (subject) =>
      using(subject, async (backend) => {
        await backend.submit(gang(subject, 'one', 'fails', 1));
        await over(backend, 'one');
        mustEqual(await backend.tail('one', 0, 2), ['line 98', 'line 99'], 'two lines');
        mustEqual((await backend.tail('one', 0, 1_000)).slice(-100).length, 100, 'all lines');
      }),
  },
];
