import { reasonOf } from '../../base/reason-of.ts';
import type { BroughtTable, ComputedTable, HistorySession, ReadTable } from '../../ports/history-engine.ts';
import { type Contract, mustEqual } from './contract.ts';

/** The subject: an engine that computes over files, and the folder of its own files. */
export interface HistoryEngineSubject {
  open(): Promise<HistorySession>;
  /** A table `numbers` of columns `key` (text) and `value` (BIGINT) with this many rows: row i has `k<i mod 7>` and i. */
  numbers(rows: number): Promise<ReadTable>;
  /** The same rows as a table `brought` to bring along. */
  brings(rows: number): BroughtTable;
  /** The rows of Parquet files. */
  rows(paths: readonly string[]): Promise<readonly (readonly unknown[])[]>;
  /** Leaves files like a process that ended during a computation. */
  leave(): void;
  /** How many computations have files. */
  left(): number;
}

const ROWS = 5_000;
const KEYS = 7;

const sums: ComputedTable = {
  name: 'sums',
  sql: 'SELECT key, CAST(COUNT(*) AS BIGINT) AS n, CAST(SUM(value) AS BIGINT) AS total\nFROM numbers\nGROUP BY key',
  slicedBy: ['key'],
};
const largest: ComputedTable = {
  name: 'largest',
  sql: 'SELECT CAST(MAX(value) AS BIGINT) AS largest FROM numbers',
  slicedBy: [],
};

/** The rules of `ports/history-engine.ts`. */
export const historyEngineContracts: readonly Contract<HistoryEngineSubject>[] = [
  {
    rule: 1,
    name: 'a computation returns all its outputs whole, rows of a key in one slice, and keeps its files until they are dropped',
    needs: [],
    run: async (subject) => {
      const session = await subject.open();
      const tables = [await subject.numbers(ROWS)];
      const computed = await session.compute({ tables, outputs: [sums, largest], slices: 3 });
      const slices = computed.files.get('sums') ?? [];
      mustEqual(slices.length, 3, 'slices');
      const found: (readonly unknown[])[] = [];
      for (const slice of slices) if (slice.length > 0) found.push(...(await subject.rows(slice)));
      mustEqual(inOrder(found), inOrder(sumsOf(ROWS)), 'sums by key');
      mustEqual(await subject.rows((computed.files.get('largest') ?? []).flat()), [[BigInt(ROWS - 1)]], 'the largest');
      mustEqual(subject.left(), 1, 'computations with files');
      computed.drop();
      mustEqual(subject.left(), 0, 'computations with files when they are dropped');
      await session.close();
    },
  },
  {
    rule: 2,
    name: 'the next session removes the files of an ended process',
    needs: [],
    run: async (subject) => {
      subject.leave();
      mustEqual(subject.left(), 1, 'computations with files');
      const session = await subject.open();
      mustEqual(subject.left(), 0, 'computations with files when it is open');
      await session.close();
    },
  },
  {
    rule: 3,
    name: 'rejected SQL is an error that names the output and the line, and leaves no file',
    needs: [],
    run: async (subject) => {
      const session = await subject.open();
      const tables = [await subject.numbers(10)];
      const wrong: ComputedTable = { name: 'wrong', sql: 'SELECT\n  no_such_column\nFROM numbers', slicedBy: [] };
      const outcome = await session.compute({ tables, outputs: [largest, wrong], slices: 1 }).then(
        () => 'it computes it',
        (error: unknown) => reasonOf(error),
      );
      if (!outcome.includes('wrong') || !outcome.includes('line 2'))
        throw new Error(`a column that is not there: ${outcome}`);
      mustEqual(subject.left(), 0, 'computations with files');
      const { drop } = await session.compute({ tables, outputs: [largest], slices: 1 });
      drop();
      await session.close();
    },
  },
  {
    rule: 4,
    name: 'later steps and the output read a step, also more than once, and each output has its own steps',
    needs: [],
    run: async (subject) => {
      const session = await subject.open();
      const tables = [await subject.numbers(ROWS)];
      const stepped = (name: string, below: number): ComputedTable => ({
        name,
        steps: [
          { name: 'few', sql: `SELECT value FROM numbers WHERE value < CAST(${below} AS BIGINT)` },
          { name: 'pairs', sql: 'SELECT a.value AS a, b.value AS b FROM few AS a CROSS JOIN few AS b' },
        ],
        sql: 'SELECT CAST(COUNT(*) AS BIGINT) AS n, CAST(SUM(a) + (SELECT SUM(value) FROM few) AS BIGINT) AS total FROM pairs',
        slicedBy: [],
      });
      const { files, drop } = await session.compute({
        tables,
        outputs: [stepped('ten', 10), stepped('hundred', 100)],
        slices: 1,
      });
      mustEqual(await subject.rows((files.get('ten') ?? []).flat()), [[100n, 495n]], 'of ten numbers');
      mustEqual(await subject.rows((files.get('hundred') ?? []).flat()), [[10_000n, 499_950n]], 'of a hundred numbers');
      drop();
      await session.close();
    },
  },
  {
    rule: 5,
    name: 'an uploaded table is read like those of the history; if it cannot be written, there is no file',
    needs: [],
    run: async (subject) => {
      const session = await subject.open();
      const tables = [await subject.numbers(10)];
      const joined: ComputedTable = {
        name: 'joined',
        sql: 'SELECT b.key, CAST(b.value AS BIGINT) AS value FROM brought AS b JOIN numbers AS n ON n.value = b.value - 5',
        slicedBy: [],
      };
      const brought = [subject.brings(8)];
      const { files, drop } = await session.compute({ tables, brought, outputs: [joined], slices: 1 });
      const rows = await subject.rows((files.get('joined') ?? []).flat());
      const both = [
        ['k0', 7n],
        ['k5', 5n],
        ['k6', 6n],
      ];
      mustEqual(inOrder(rows), both, 'rows of both');
      drop();
      const full = async () => Promise.reject(new Error('no space'));
      const broken = [{ ...subject.brings(8), write: full }];
      const outcome = await session.compute({ tables, brought: broken, outputs: [joined], slices: 1 }).then(
        () => 'it computes it',
        (error: unknown) => reasonOf(error),
      );
      mustEqual(outcome, 'no space', 'what cannot be written');
      mustEqual(subject.left(), 0, 'computations with files');
      await session.close();
    },
  },
];

function sumsOf(rows: number): readonly (readonly unknown[])[] {
  const all = Array.from({ length: rows }, (_, i) => i);
  return Array.from({ length: KEYS }, (_, k) => {
    const own = all.filter((i) => i % KEYS === k);
    return [`k${k}`, BigInt(own.length), BigInt(own.reduce((sum, i) => sum + i, 0))];
  });
}

function inOrder(rows: readonly (readonly unknown[])[]): readonly (readonly unknown[])[] {
  return [...rows].sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
}
