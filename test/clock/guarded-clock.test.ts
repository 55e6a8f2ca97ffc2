import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { FOLLOWED_STEP_MS, GuardedClock, SETTLES_AFTER_MS } from '../../src/base/guarded-clock.ts';
import { acceptClock, CLOCK_FILE, environmentClock } from '../../src/environment/environment-clock.ts';
import { Machine } from './machine.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 0, 1);

function machineWithClock(): { readonly machine: Machine; readonly clock: GuardedClock } {
  const machine = new Machine(START);
  return { machine, clock: new GuardedClock(machine.clocks()) };
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'headrace-clock-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test.each([2 * HOUR, 30 * DAY])(
  'a clock that jumps ahead by %d ms does not move now, bounds the future, and is reported',
  (jumpMs) => {
    const { machine, clock } = machineWithClock();
    machine.run(5_000);
    machine.aheadMs = jumpMs;
    machine.run(5_000);
    expect(clock.span()).toEqual({ from: machine.realTs, to: machine.realTs + jumpMs });
    expect(clock.report()).toEqual({ aheadMs: jumpMs, jumps: 1 });
    machine.aheadMs = 0;
    expect(clock.span()).toEqual({ from: machine.realTs, to: machine.realTs });
    expect(clock.report()).toEqual({ aheadMs: 0, jumps: 1 });
  },
);

test.each([2 * HOUR, 30 * DAY])(
  'a clock that jumps back by %d ms is now at once, and the expected time bounds the future until it settles',
  (jumpMs) => {
    const { machine, clock } = machineWithClock();
    machine.aheadMs = -jumpMs;
    expect(clock.span()).toEqual({ from: machine.realTs - jumpMs, to: machine.realTs });
    expect(clock.report().aheadMs).toBe(-jumpMs);
    machine.run(SETTLES_AFTER_MS);
    expect(clock.span()).toEqual({ from: machine.realTs - jumpMs, to: machine.realTs - jumpMs });
  },
);

test('sleep of the machine, slow corrections and steps of a minute are no jumps', () => {
  const { machine, clock } = machineWithClock();
  machine.sleep(30 * DAY);
  expect(clock.now()).toBe(machine.realTs);
  for (let i = 0; i < 100; i += 1) {
    machine.run(10_000);
    machine.aheadMs += 5_000;
    expect(clock.now()).toBe(machine.realTs + machine.aheadMs);
  }
  machine.aheadMs -= FOLLOWED_STEP_MS / 2;
  expect(clock.now()).toBe(machine.realTs + machine.aheadMs);
  expect(clock.report()).toEqual({ aheadMs: 0, jumps: 0 });
});

test('a process that starts while the clock is ahead knows it from the previous one, whatever the machine did between', () => {
  const machine = new Machine(START);
  const path = directory();
  environmentClock(path, { keeps: true, clocks: machine.clocks() }).guard?.keep();
  machine.run(HOUR);
  machine.sleep(DAY);
  machine.aheadMs = 30 * DAY;
  for (const keeps of [false, true, true]) {
    const clock = environmentClock(path, { keeps, clocks: machine.clocks() });
    expect(clock()).toBe(machine.realTs);
    expect(clock.guard?.report().aheadMs).toBe(30 * DAY);
    clock.guard?.keep();
  }
});

test('a machine that was off for 30 days is no jump; one whose clock is behind the last known time is', () => {
  const machine = new Machine(START);
  const path = directory();
  environmentClock(path, { keeps: true, clocks: machine.clocks() }).guard?.keep();
  machine.startAgain(30 * DAY);
  expect(environmentClock(path, { keeps: false, clocks: machine.clocks() }).guard?.report().jumps).toBe(0);
  machine.aheadMs = -40 * DAY;
  const clock = environmentClock(path, { keeps: false, clocks: machine.clocks() });
  expect(clock()).toBe(machine.realTs - 40 * DAY);
  expect(clock.guard?.report().aheadMs).toBe(-10 * DAY);
  machine.aheadMs = 0;
  expect(clock.guard?.report().aheadMs).toBe(0);
  expect(clock()).toBe(machine.realTs);
});

test.each([true, false])(
  'a person accepts the time of the system, and every process follows: the machine names its starts: %s',
  (names) => {
    const machine = new Machine(START, names);
    const path = directory();
    const clocks = [true, false, false].map((keeps) => environmentClock(path, { keeps, clocks: machine.clocks() }));
    machine.aheadMs = 2 * HOUR;
    acceptClock(path, machine.clocks());
    machine.run(30_000);
    for (const clock of clocks) {
      expect(clock.guard?.report().aheadMs).toBe(2 * HOUR);
      clock.guard?.tick();
      expect(clock()).toBe(machine.realTs + 2 * HOUR);
    }
    machine.run(HOUR);
    machine.aheadMs = 30 * DAY;
    clocks[0].guard?.tick();
    expect(clocks[0].guard?.report().aheadMs).toBe(30 * DAY - 2 * HOUR);
  },
);

test('a file of the clock that cannot be read says nothing', () => {
  const machine = new Machine(START);
  const path = directory();
  writeFileSync(join(path, CLOCK_FILE), '{"format":1,"wall":');
  expect(environmentClock(path, { keeps: true, clocks: machine.clocks() })()).toBe(START);
});

test('a time that cannot be kept stops nothing', () => {
  const machine = new Machine(START);
  const clock = environmentClock(join(directory(), 'missing'), { keeps: true, clocks: machine.clocks() });
  clock.guard?.tick();
  clock.guard?.keep();
  expect(clock()).toBe(START);
});

test('while the clock was right when it was last known, the real time is always within the span, and now is never ahead of it', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('run' as const), ms: fc.integer({ min: 0, max: DAY }) }),
    fc.record({ kind: fc.constant('sleep' as const), ms: fc.integer({ min: 0, max: DAY }) }),
    fc.record({ kind: fc.constant('set' as const), ms: fc.integer({ min: 0, max: 40 * DAY }) }),
    fc.record({ kind: fc.constant('restart' as const), ms: fc.integer({ min: 0, max: DAY }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const machine = new Machine(START);
      let clock = new GuardedClock(machine.clocks());
      for (const { kind, ms } of steps) {
        if (kind === 'run') machine.run(ms);
        if (kind === 'sleep') machine.sleep(ms);
        if (kind === 'set') machine.aheadMs = ms;
        if (kind === 'restart') {
          const known = clock.known();
          machine.run(ms);
          clock = new GuardedClock(machine.clocks(), known);
        }
        const { from, to } = clock.span();
        // Steps that are followed add up to some minutes.
        expect(from).toBeLessThanOrEqual(machine.realTs + steps.length * FOLLOWED_STEP_MS);
        expect(to).toBeGreaterThanOrEqual(machine.realTs - steps.length * FOLLOWED_STEP_MS);
      }
    }),
  );
});
