import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { classifyExit, type ExitEvidence, exitClasses } from '../../src/training/runner/exit-class.ts';
import { Liveness } from '../../src/training/runner/heartbeat.ts';
import { Journal } from '../../src/training/runner/journal.ts';
import { ledgerOf } from '../../src/training/runner/ledger.ts';
import { checkTransition, isFinal, runStates } from '../../src/training/runner/run-state.ts';
import { isSlowStart, usualStart } from '../../src/training/runner/start-watch.ts';

const folder = mkdtempSync(join(tmpdir(), 'journal-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a journal that is cut at any byte has the whole lines before, and continues', () => {
  const path = join(folder, 'cut');
  const journal = Journal.open(path, 'run');
  for (let attempt = 0; attempt < 5; attempt++) journal.append({ attempt, event: 'state', data: { to: 'näxt' } });
  journal.close();
  const bytes = readFileSync(path);
  for (let length = 0; length <= bytes.length; length++) {
    writeFileSync(path, bytes.subarray(0, length));
    const opened = Journal.open(path, 'run');
    const whole = bytes.subarray(0, length).toString('latin1').split('\n').length - 1;
    expect(opened.entries).toHaveLength(whole);
    opened.append({ attempt: 9, event: 'next', data: {} });
    opened.close();
    const again = Journal.open(path, 'run');
    expect(again.entries.map(({ seq }) => seq)).toEqual(Array.from({ length: whole + 1 }, (_, seq) => seq));
    again.close();
  }
});

test('a line that is damaged before the last is an error, not a shorter journal', () => {
  const path = join(folder, 'damaged');
  const journal = Journal.open(path, 'run');
  for (let attempt = 0; attempt < 4; attempt++) journal.append({ attempt, event: 'state', data: {} });
  journal.close();
  const lines = readFileSync(path, 'utf8').split('\n');
  for (const line of [0, 1, 2]) {
    writeFileSync(path, lines.map((text, index) => (index === line ? text.slice(1) : text)).join('\n'));
    expect(() => Journal.open(path, 'run')).toThrow(expect.objectContaining({ code: 'RUN_JOURNAL' }));
    writeFileSync(path, lines.filter((_, index) => index !== line).join('\n'));
    expect(() => Journal.open(path, 'run')).toThrow(expect.objectContaining({ code: 'RUN_JOURNAL' }));
  }
});

test('every state is reached from planned, and leads to an end', () => {
  const leads = (from: string) => runStates.filter((to) => allowed(from, to));
  const reached = new Set(['planned']);
  for (const state of reached) for (const next of leads(state)) reached.add(next);
  expect(reached).toEqual(new Set(runStates));
  for (const state of runStates.filter((one) => !isFinal(one)))
    expect(leads(state).filter((to) => to === 'cancelled' || to === 'failed')).not.toEqual([]);
  expect(() => checkTransition('completed', 'running')).toThrow(expect.objectContaining({ code: 'RUN_STATE' }));
});

function allowed(from: string, to: string): boolean {
  try {
    checkTransition(from as 'planned', to as 'planned');
    return true;
  } catch {
    return false;
  }
}

const ended = (code: number | null, signal: string | null = null, ...tail: string[]) => ({ code, signal, tail });
const plain: ExitEvidence = {
  ownAction: null,
  infrastructure: false,
  oomKills: 0,
  ranks: [ended(0)],
  step: 10,
  targetSteps: 10,
};

test.each<readonly [string, Partial<ExitEvidence>, string]>([
  ['the last step', {}, 'completed'],
  ['an early end', { step: 9 }, 'incomplete'],
  ['an end without a target', { step: 0, targetSteps: null }, 'completed'],
  [
    'a node that is gone, beside user errors',
    { infrastructure: true, ranks: [ended(1), ended(null, 'SIGKILL')] },
    'preempted',
  ],
  ['a node that is gone in a switch', { infrastructure: true, ownAction: 'switch', ranks: [ended(143)] }, 'preempted'],
  ['a notice during the last step', { infrastructure: true }, 'completed'],
  ['a notice to a program that knows its last step', { infrastructure: true, targetSteps: null }, 'preempted'],
  ['a switch', { ownAction: 'switch', ranks: [ended(143)] }, 'switch'],
  ['a cancel, whatever else', { ownAction: 'cancel', infrastructure: true, step: 9 }, 'cancelled'],
  ['a kill for memory', { ranks: [ended(null, 'SIGKILL')], oomKills: 1 }, 'hostMemory'],
  ['exit 137 for memory', { ranks: [ended(137)], oomKills: 2 }, 'hostMemory'],
  ['a kill that nobody owns to', { ranks: [ended(null, 'SIGKILL')] }, 'unknownKill'],
  ['memory of a GPU', { ranks: [ended(1, null, 'torch.OutOfMemoryError: CUDA out of memory. Tried')] }, 'gpuMemory'],
  ['an Xid', { ranks: [ended(1, null, 'NVRM: Xid (PCI:0000:3b:00): 79')] }, 'hardware'],
  ['a hang', { ownAction: 'hang', ranks: [ended(null, 'SIGKILL')] }, 'hang'],
  ['an error', { ranks: [ended(0), ended(2)] }, 'userError'],
])('%s: its class', (_, evidence, found) => {
  expect(exitClasses).toContain(found);
  expect(classifyExit({ ...plain, ...evidence })).toBe(found);
});

test('a rank hangs by its step, not by its process; the limit grows with steps and checkpoints', () => {
  const liveness = new Liveness({ ranks: 2, now: 0, leastMs: 100, startMs: 10_000 });
  expect(liveness.hanging(9_999)).toBeNull();
  for (const rank of [0, 1]) liveness.see(rank, 0, 0);
  for (let step = 1; step <= 10; step++) for (const rank of [0, 1]) liveness.see(rank, step, step * 50);
  expect(liveness.timeoutMs).toBe(250);
  liveness.see(0, 11, 700);
  expect(liveness.hanging(750)).toBeNull();
  expect(liveness.hanging(751)).toMatchObject({ rank: 1 });
  liveness.checkpointTook(300);
  expect(liveness.hanging(751)).toBeNull();
  liveness.leave(1);
  expect(liveness.hanging(2_000)).toMatchObject({ rank: 0 });
});

test('a rank that loads its checkpoint has the time of a start, whatever the limit of steps', () => {
  const liveness = new Liveness({ ranks: 1, now: 0, leastMs: 100, startMs: 10_000 });
  liveness.resumesFrom(40);
  liveness.see(0, 40, 50);
  expect(liveness.advanced).toBe(false);
  expect(liveness.hanging(9_000)).toBeNull();
  expect(liveness.hanging(10_051)).toMatchObject({ rank: 0 });
  liveness.see(0, 41, 9_000);
  expect(liveness.advanced).toBe(true);
  expect(liveness.hanging(9_101)).toMatchObject({ rank: 0 });
});

const started = (seconds: readonly number[]) =>
  seconds.map((one, index) => ({ ...blank, attempt: index + 1, event: 'firstStep', data: { seconds: one } }));
const blank = { seq: 0, wall: 0, mono: 0, run: 'r' };

test.each([
  ['no start before', [], 900, false],
  ['20 s before and 800 s now: the state comes over another network', [18, 20, 22], 800, true],
  ['five times as long', [20], 100, false],
  ['a start of seconds', [0.5], 9, false],
] as const)('%s: whether the start is slow', (_, before, now, isSlow) => {
  expect(isSlowStart(now, usualStart(started(before)))).toBe(isSlow);
});

test('the ledger of any journal: cost is time by price, no attempt loses more than it did, overhead is at least 1', () => {
  const attempt = fc.record({ took: fc.integer({ min: 0, max: 1e6 }), did: fc.nat(100), kept: fc.nat(100) });
  fc.assert(
    fc.property(fc.array(attempt, { minLength: 1, maxLength: 20 }), (attempts) => {
      let [wall, step, seq] = [0, 0, 0];
      const entry = (index: number, event: string, data: Record<string, number | string>) =>
        ({ seq: seq++, wall, mono: wall, run: 'r', attempt: index + 1, event, data }) as const;
      const entries = attempts.flatMap(({ took, did, kept }, index) => {
        const start = entry(index, 'submitted', { step, pricePerHour: 7.2 });
        const reached = step + did;
        wall += took;
        const end = entry(index, 'ended', { step: reached, class: 'preempted' });
        step += Math.min(kept, did);
        return [start, end];
      });
      const ledger = ledgerOf(entries, { now: wall, speed: 1 });
      expect(ledger.cost).toBeCloseTo((wall / 3_600_000) * 7.2, 9);
      for (const { fromStep, toStep, lostSteps } of ledger.attempts)
        expect(lostSteps).toBeLessThanOrEqual(toStep - fromStep);
      if (ledger.overhead !== null) expect(ledger.overhead).toBeGreaterThanOrEqual(1);
    }),
  );
});
