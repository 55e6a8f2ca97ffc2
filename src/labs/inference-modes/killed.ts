import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Random, randomBelow } from '../../base/rng.ts';
import type { Headrace } from '../../running/headrace.ts';
import { labStep } from '../lab.ts';
import { openOffersShop, taken } from './offers-shop.ts';

/** Customers of the list. */
const ROWS = 24_000;
/** Rows between two notes of a job that notes its place. */
const NOTE_EVERY = 500;

/** A worker of the job is killed in the middle of its work. */
export const killed = labStep({
  id: 'killed',
  title: 'A worker of the job is killed',
  asks: 'The machine takes a worker away while the list is scored: no code of it runs again. The e-mails go to every row of the output. Kill the worker, and choose how the job writes.',
  act: {
    verb: 'Kill a worker',
    effect:
      'Scores the list by worker processes and kills one of them, and stops jobs that append to one file at the same part of the list.',
  },
  figures: {
    rows: { what: 'rows of the list', unit: '' },
    done: { what: 'part of the list that was done at the kill', unit: '%' },
    kills: { what: 'worker processes that were killed', unit: '' },
    retries: { what: 'partitions that another worker began again', unit: '' },
    note: { what: 'rows between two notes of the place', unit: '' },
  },
  loss: { what: 'rows of the output that are missing or there twice', unit: '%' },
  choices: {
    again: {
      text: 'Append each row, and run the job again after a kill',
      shows: '{loss} of the rows are there twice: everything before the kill.',
    },
    after: {
      text: 'Append each row, and note the place after the rows',
      shows: '{loss} of the rows are there twice: those since the last note, of {note} rows at most.',
    },
    before: {
      text: 'Note the place, and append the rows after the note',
      shows: '{loss} of the rows are missing: they were noted, and never written.',
    },
    parts: {
      text: 'Write parts, and publish them together by one manifest at the end',
      shows:
        '{loss} of the rows are missing or there twice; {retries} partitions were begun again after {kills} kills.',
    },
  },
  measure: async ({ folder, random, signal, say }) => {
    say('trains two versions');
    const { headrace } = await openOffersShop(folder, random);
    try {
      const list = join(folder, 'list.csv');
      writeFileSync(list, listOf(random));
      say('scores the list, and kills a worker');
      const found = await scoredAndKilled(headrace, { list, to: join(folder, 'scores'), signal });
      const stop = Math.max(1, Math.round(found.done * ROWS));
      // The middle of a note: a kill exactly at a note is the rare case.
      const at = stop % NOTE_EVERY === 0 ? stop + randomBelow(random, NOTE_EVERY - 1) + 1 : stop;
      const wrong = (way: Way) => wrongShare(appended(join(folder, `${way}.csv`), way, Math.min(at, ROWS - 1)));
      return {
        figures: {
          rows: ROWS,
          done: (100 * at) / ROWS,
          kills: found.kills,
          retries: found.retries,
          note: NOTE_EVERY,
        },
        losses: {
          again: wrong('again'),
          after: wrong('after'),
          before: wrong('before'),
          parts: wrongShare(found.ids),
        },
      };
    } finally {
      await headrace.close();
    }
  },
});

const idOf = (row: number) => `c${row}`;

/** The customers with the inputs of the model. */
function listOf(random: Random): string {
  const names = taken.service.features.map(({ name }) => name);
  const line = (row: number) => [idOf(row), ...names.map(() => 1 + randomBelow(random, 40))].join(',');
  return [['customer', ...names].join(','), ...Array.from({ length: ROWS }, (_, row) => line(row))].join('\n');
}

/** Scores the list by workers, and kills the newest of them once some partition is published. */
async function scoredAndKilled(
  headrace: Headrace,
  { list, to, signal }: { readonly list: string; readonly to: string; readonly signal: AbortSignal },
) {
  const workers: number[] = [];
  let kills = 0;
  let done = 0;
  let retries = 0;
  const { result } = await headrace.startBatch(taken, {
    from: list,
    to,
    workers: 2,
    keep: ['customer'],
    shadow: 'none',
    signal,
    onWorker: (pid) => void workers.push(pid),
    onProgress: (progress) => {
      ({ retries } = progress);
      const newest = workers.at(-1);
      if (kills > 0 || newest === undefined) return;
      kills += 1;
      done = progress.rows / progress.total;
      // By then it has its next partition.
      setImmediate(() => endProcess(newest));
    },
  });
  const { files } = await result;
  const ids: string[] = [];
  const listed = files.map((file) => `'${file.replaceAll("'", "''")}'`).join(', ');
  for await (const rows of headrace.history.query(`SELECT "customer" FROM read_parquet([${listed}])`))
    for (const [id] of rows) ids.push(String(id));
  return { ids, kills, done, retries };
}

/** Kills a process of this job; one that has ended is left alone. */
function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}

type Way = 'again' | 'after' | 'before';

/** The rows of a file that a job appended to: it stopped dead at a row, and was started once more. */
function appended(path: string, way: Way, stop: number): readonly string[] {
  const place = `${path}.place`;
  for (const last of [stop, ROWS]) {
    const from = way !== 'again' && existsSync(place) ? Number(readFileSync(place, 'utf8')) : 0;
    for (let row = from; row < last; row += 1) {
      if (way === 'before' && row % NOTE_EVERY === 0) writeFileSync(place, `${row + NOTE_EVERY}`);
      appendFileSync(path, `${idOf(row)}\n`);
      if (way === 'after' && (row + 1) % NOTE_EVERY === 0) writeFileSync(place, `${row + 1}`);
    }
  }
  return readFileSync(path, 'utf8').trimEnd().split('\n');
}

/** The share of the list that an output has not exactly once, %. */
function wrongShare(ids: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  const wrong = Array.from({ length: ROWS }, (_, row) => counts.get(idOf(row)) ?? 0).filter((count) => count !== 1);
  return (100 * wrong.length) / ROWS;
}
