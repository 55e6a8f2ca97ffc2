import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { Journal, type JournalEvent, readJournal } from '../../src/training/runner/journal.ts';
import { ledgerOf } from '../../src/training/runner/ledger.ts';
import { listRuns } from '../../src/training/runner/list-runs.ts';
import { runs } from '../runs.ts';

const NOW = Date.UTC(2040, 0, 1);

function runsFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-list-runs-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function write(folder: string, name: string, events: readonly JournalEvent[]): string {
  const path = join(folder, name, 'journal.jsonl');
  mkdirSync(join(folder, name), { recursive: true });
  const journal = Journal.open(path, name);
  for (const event of events) journal.append(event);
  journal.close();
  return path;
}

/** The attempts of a run: the step that each began from, how far it came, and its end. */
const attempts = fc.array(
  fc.record({ from: fc.nat(50), did: fc.nat(50), outcome: fc.constantFrom('preempted', 'hang', 'completed') }),
  { minLength: 1, maxLength: 5 },
);

function eventsOf(all: readonly { from: number; did: number; outcome: string }[], state: string): JournalEvent[] {
  const event = (attempt: number, name: string, data: JournalEvent['data']) => ({ attempt, event: name, data });
  return all
    .flatMap(({ from, did, outcome }, i) => [
      event(i + 1, 'submitted', { step: from, pricePerHour: 2 }),
      event(i + 1, 'checkpoint', { step: from + did, bytes: 10 }),
      event(i + 1, 'ended', { step: from + did, class: outcome, seconds: 60 }),
    ])
    .concat([event(all.length, 'state', { to: state })]);
}

test('a listed run has the ledger of its journal, its newest step and checkpoint, and whether it may resume', () => {
  fc.assert(
    fc.property(attempts, fc.constantFrom('running', 'preempted', 'completed', 'failed'), (all, state) => {
      const folder = mkdtempSync(join(tmpdir(), 'headrace-list-runs-'));
      try {
        const path = write(folder, 'm-zz', eventsOf(all, state));
        const [run] = listRuns(folder, 10, NOW);
        const last = all.at(-1);
        expect(run).toMatchObject({
          ...ledgerOf(readJournal(path), { now: NOW, speed: 1 }),
          state,
          isOpen: state === 'running' || state === 'preempted',
          restarts: all.length - 1,
          step: Math.max(...all.map(({ from, did }) => from + did)),
          checkpoint: (last?.from ?? 0) + (last?.did ?? 0),
        });
        expect(run?.cost).toBeCloseTo((all.length * 2) / 60, 9);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }),
    { numRuns: runs(20, 200) },
  );
});

test('the newest runs come first, and folders without a journal, or with a damaged one, are left out', () => {
  const folder = runsFolder();
  expect(listRuns(join(folder, 'none'), 10, NOW)).toEqual([]);
  const once = eventsOf([{ from: 0, did: 5, outcome: 'completed' }], 'completed');
  for (const name of ['m-1', 'm-a', 'm-z']) write(folder, name, once);
  mkdirSync(join(folder, 'm-zz'));
  const damaged = write(folder, 'm-zy', once);
  writeFileSync(damaged, `not JSON\n${'{}\n'.repeat(3)}`);
  writeFileSync(join(folder, 'a-file'), 'text');
  expect(listRuns(folder, 10, NOW).map(({ name }) => name)).toEqual(['m-z', 'm-a', 'm-1']);
  expect(listRuns(folder, 4, NOW).map(({ name }) => name)).toEqual(['m-z', 'm-a']);
});

test('a run that has ended is read again when somebody starts it again', () => {
  const folder = runsFolder();
  const path = write(folder, 'm-1', eventsOf([{ from: 0, did: 5, outcome: 'preempted' }], 'failed'));
  expect(listRuns(folder, 1, NOW)).toMatchObject([{ isOpen: false, restarts: 0 }]);
  const journal = Journal.open(path, 'm-1');
  journal.append({ attempt: 2, event: 'submitted', data: { step: 5 } });
  journal.append({ attempt: 2, event: 'state', data: { to: 'running' } });
  journal.close();
  expect(listRuns(folder, 1, NOW)).toMatchObject([{ isOpen: true, state: 'running', restarts: 1, step: 5 }]);
  // A line that is being written is not there yet.
  appendFileSync(path, '{"seq":');
  expect(listRuns(folder, 1, NOW)).toMatchObject([{ isOpen: true, restarts: 1 }]);
});
