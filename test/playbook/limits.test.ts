import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { PlaybookOptions } from '../../src/features/define/playbook.ts';
import { mayContinue } from '../../src/playbook/may-continue.ts';
import { NO_STATE } from '../../src/playbook/state.ts';

import { DAY_MS, type Findings, HOUR_MS, MONDAY, PlaybookDesk } from './playbook-desk.ts';

const opened: PlaybookDesk[] = [];
afterEach(async () => {
  for (const desk of opened.splice(0)) await desk.close();
});

async function deskOf(
  written: PlaybookOptions,
  rollout?: ConstructorParameters<typeof PlaybookDesk>[1],
): Promise<PlaybookDesk> {
  const desk = new PlaybookDesk(written, rollout);
  opened.push(desk);
  return desk.start();
}

const REJECTED = { isPassed: false, reason: 'no certain gain', slices: {} };
/** A rollout that a test moves. */
const BY_HAND = {
  shadow: false,
  steps: [50, 100],
  every: '1h',
  requests: 5,
  soak: '3d',
  success: false,
  guardrails: { scoreShift: false, scoreDistance: false, p99: false },
} as const;
const said = (reason: string) => ({ by: 'ann', reason });

describe('trainings are limited', () => {
  test('two trainings are never closer than the cooldown, and 30 days never have more than their number', async () => {
    const desk = await deskOf({ retrain: { rows: 1, cooldown: '2d', perMonth: 4, sameCause: 1000 } });
    desk.findings = { drift: true };
    desk.gate = REJECTED;
    await desk.until(MONDAY + 70 * DAY_MS);
    const at = await desk.decided('retrain');
    expect(at.slice(1).map((one, i) => one - at[i] >= 2 * DAY_MS)).toEqual(at.slice(1).map(() => true));
    for (const one of at)
      expect(at.filter((other) => other <= one && one - other < 30 * DAY_MS).length).toBeLessThan(5);
    // 70 days hold three times 30: the limit binds, and frees itself.
    expect(at).toHaveLength(12);
    expect(new Set(await desk.waits())).toEqual(new Set(['cooldown', 'budget']));
    expect(desk.done.filter((one) => one === 'train')).toHaveLength(12);
    expect(await desk.replayed()).toMatchObject({ different: [] });
  });

  test('the same cause without gain, as often as declared, asks a person; a denial is not asked again before the cooldown', async () => {
    const desk = await deskOf({ retrain: { rows: 1, cooldown: '1d', perMonth: 1000, sameCause: 2 } });
    desk.findings = { drift: true };
    desk.gate = REJECTED;
    await desk.until(MONDAY + 3 * DAY_MS);
    expect([(await desk.decided('retrain')).length, (await desk.decided('ask')).length]).toEqual([2, 1]);
    expect(desk.incidents.active().map(({ kind }) => kind)).toContain('approval');
    await desk.playbook.journal.answer(false, said('not now'));
    const denied = desk.now;
    await desk.until(denied + DAY_MS);
    expect(await desk.decided('ask')).toHaveLength(1);
    await desk.until(denied + 2 * DAY_MS);
    expect(await desk.decided('ask')).toHaveLength(2);
    await desk.playbook.journal.answer(true, said('try once'));
    desk.gate = { isPassed: true, reason: 'better', slices: {} };
    await desk.step();
    expect(await desk.decided('retrain')).toHaveLength(3);
    expect(await desk.decided('rollOut')).toHaveLength(1);
    expect(desk.incidents.active().map(({ kind }) => kind)).not.toContain('approval');
    expect(await desk.replayed()).toMatchObject({ different: [] });
  });

  test('a cause that waits for a person holds no regular training up', async () => {
    const schedule = '0 4 * * 1';
    const desk = await deskOf({ retrain: { rows: 1, cooldown: '1d', perMonth: 1000, sameCause: 2, schedule } });
    desk.findings = { drift: true };
    desk.gate = REJECTED;
    await desk.until(MONDAY + 35 * DAY_MS);
    const trained = (await desk.playbook.journal.entries()).flatMap((entry) =>
      entry.kind === 'decided' && entry.action.do === 'retrain' ? [entry.reason.startsWith('due at')] : [],
    );
    // Two of the cause without gain, then one each Monday.
    expect(trained.filter((isDue) => !isDue)).toHaveLength(2);
    expect(trained.filter((isDue) => isDue).length).toBeGreaterThanOrEqual(4);
    expect(await desk.replayed()).toMatchObject({ different: [] });
  });

  test('a training that fails each time is a training without gain: it is not repeated without end', async () => {
    const desk = await deskOf({ retrain: { rows: 1, cooldown: '1d', perMonth: 1000, sameCause: 3 } });
    desk.findings = { drift: true };
    desk.trainingFails = 'the disk is full';
    await desk.until(MONDAY + 30 * DAY_MS, DAY_MS);
    expect(desk.done.filter((one) => one === 'train')).toHaveLength(3);
    // Unanswered questions are denied, and asked again after the cooldown.
    expect(new Set(await desk.ends())).toEqual(new Set(['failed', 'denied']));
    expect(desk.incidents.active().find(({ kind }) => kind === 'retrain')?.summary).toContain('the disk is full');
  });

  test('a schedule that a person denied is due again at its next time, not at once', async () => {
    const desk = await deskOf({
      retrain: { rows: 1, schedule: '0 4 * * 1', onConceptDrift: false, cooldown: '1h' },
      approval: { before: ['retrain'], within: '2h', otherwise: 'deny' },
    });
    await desk.until(MONDAY + 14 * DAY_MS, HOUR_MS);
    const asks = await desk.decided('ask');
    expect(asks).toEqual([MONDAY + 4 * HOUR_MS, MONDAY + 7 * DAY_MS + 4 * HOUR_MS]);
    expect(await desk.ends()).toEqual(['denied', 'denied']);
    expect(desk.done).toEqual([]);
  });
});

describe('a person decides', () => {
  test.each([
    ['approve', ['promoted'], 2],
    ['deny', ['denied'], 1],
  ] as const)(
    'a promotion that nobody answers is answered by its default, %s, at its time and not before',
    async (otherwise, ends, champion) => {
      const desk = await deskOf(
        {
          retrain: { rows: 1, cooldown: '30d' },
          shadow: false,
          approval: { before: ['promotion'], within: '1d', otherwise },
        },
        { ...BY_HAND, soak: '1h' },
      );
      desk.findings = { drift: true };
      await desk.step();
      await desk.step();
      const [asked] = await desk.decided('ask');
      await desk.until(asked + DAY_MS - HOUR_MS, HOUR_MS);
      expect(await desk.decided('answer')).toEqual([]);
      desk.now = asked + DAY_MS;
      await desk.step();
      expect(await desk.decided('answer')).toEqual([asked + DAY_MS]);
      await desk.requests(5);
      desk.now += HOUR_MS;
      await desk.step();
      desk.findings = {};
      desk.now += 2 * HOUR_MS;
      await desk.step();
      await desk.step();
      expect([await desk.ends(), await desk.champion()]).toEqual([ends, champion]);
      expect(await desk.replayed()).toMatchObject({ different: [] });
    },
  );

  test.each(['retrain', 'rollout'] as const)(
    'a denied %s ends the response: nothing after it is done',
    async (before) => {
      const desk = await deskOf({
        retrain: { rows: 1, cooldown: '30d' },
        approval: { before: [before], within: '1d', otherwise: 'approve' },
      });
      desk.findings = { drift: true };
      await desk.step();
      await desk.playbook.journal.answer(false, said('no'));
      await desk.until(desk.now + 10 * DAY_MS);
      expect(await desk.ends()).toEqual(['denied']);
      expect(desk.done).toEqual(before === 'retrain' ? [] : ['train']);
      expect(desk.incidents.active().map(({ kind }) => kind)).not.toContain('approval');
    },
  );

  test('a fault that quotes a value is in the journal with it, and in the incident without', async () => {
    const desk = await deskOf({ retrain: false });
    desk.findings = {
      fault: { kind: 'spelling', columns: ['name'], text: '"Ada Lovelacr" in 9 rows looks like "Ada Lovelace"' },
    };
    await desk.step();
    expect(JSON.stringify(await desk.playbook.journal.entries())).toContain('Lovelacr');
    const [incident] = desk.incidents.active();
    expect(incident.summary).toBe('watched: an unseen spelling of a known value appeared in name');
    expect(JSON.stringify(incident)).not.toContain('Lovelac');
  });

  test('frozen, nothing is trained, rolled out or promoted, but faults are stopped and a breach is rolled back', async () => {
    const desk = await deskOf({ retrain: { rows: 1, cooldown: '1h' }, shadow: false }, { ...BY_HAND, soak: '90d' });
    desk.findings = { drift: true };
    await desk.step();
    await desk.control.promote(said('by hand'));
    await desk.playbook.journal.freeze(true, said('release week'));
    desk.findings = { fault: true };
    await desk.until(desk.now + DAY_MS);
    expect(await desk.decided('stopFeatures')).toHaveLength(1);
    desk.findings = { drift: true, breach: 'the loss is 0.4, 0.2 was to be expected' };
    await desk.step();
    expect([await desk.champion(), desk.done]).toEqual([1, ['train', 'rollOut', 'rollBack']]);
    desk.findings = { drift: true };
    await desk.until(desk.now + 5 * DAY_MS);
    expect(desk.done.filter((one) => one === 'train')).toHaveLength(1);
    expect((await desk.waits()).at(-1)).toBe('frozen');
    await desk.playbook.journal.freeze(false, said('over'));
    await desk.step();
    expect(desk.done.filter((one) => one === 'train')).toHaveLength(2);
    expect(await desk.replayed()).toMatchObject({ different: [] });
  });

  test('a rollout of the playbook continues only unfrozen, approved and, to promote, within the declared hours', async () => {
    const plan = (await deskOf({ shadow: false, hours: { from: '09:00', to: '17:30', days: ['mon', 'thu'] } })).plan;
    const own = { id: 'r', state: 'canary', held: null };
    const response = { rollout: 'r', approved: [], isPaired: false } as never;
    const granted = (at: number, action: 'advance' | 'promote' = 'promote', id = 'r') =>
      mayContinue(plan, { frozen: null, response }, { ...own, id }, action, at).isGranted;
    for (let minute = 0; minute < 7 * 1440; minute += 30) {
      const [day, of] = [Math.floor(minute / 1440), minute % 1440];
      const isOpen = (day === 0 || day === 3) && of >= 540 && of < 1050;
      const at = MONDAY + minute * 60_000;
      expect(granted(at), new Date(at).toISOString()).toBe(isOpen);
      // To rise is not to promote, and a rollout of a person is nobody else's business.
      expect([granted(at, 'advance'), granted(at, 'promote', 'by-hand')]).toEqual([true, true]);
    }
    const frozen = { by: 'ann', at: 0, reason: 'release week' };
    expect(mayContinue(plan, { frozen, response }, own, 'advance', MONDAY).reason).toContain('release week');
    const whole = (await deskOf({ shadow: false, hours: { from: '00:00', to: '24:00' } })).plan;
    expect(mayContinue(whole, { ...NO_STATE, response }, own, 'promote', MONDAY - 1).isGranted).toBe(true);
  });
});

test('a rollout with all its evidence waits for the declared hours, and is promoted in them', async () => {
  const hours = { from: '09:00', to: '10:00', days: ['wed'] } as const;
  const desk = await deskOf({ retrain: { rows: 1, cooldown: '60d' }, shadow: false, hours }, BY_HAND);
  desk.findings = { drift: true };
  await desk.step();
  await desk.requests(5);
  await desk.until(MONDAY + 2 * DAY_MS + 9 * HOUR_MS, HOUR_MS);
  expect(await desk.control.active()).toMatchObject({ state: 'held', reason: expect.stringContaining('hours') });
  expect(await desk.champion()).toBe(1);
  await desk.step();
  expect(await desk.champion()).toBe(2);
});

describe('a rollout ends', () => {
  test('held longer than it may be, it is rolled back; the time of its steps before does not count', async () => {
    const desk = await deskOf({ retrain: { rows: 1, cooldown: '60d' }, shadow: false, hold: '3d' }, BY_HAND);
    desk.findings = { drift: true };
    await desk.step();
    await desk.until(desk.now + 10 * DAY_MS);
    const held = desk.now;
    await desk.control.hold(said('looks odd'));
    await desk.until(held + 3 * DAY_MS);
    desk.now = held + 3 * DAY_MS;
    await desk.step();
    expect(await desk.control.active()).toMatchObject({ state: 'held' });
    desk.now += 1;
    await desk.step();
    await desk.step();
    expect([await desk.ends(), await desk.champion()]).toEqual([['rolledBack'], 1]);
    expect(desk.incidents.active().find(({ kind }) => kind === 'rollout')?.severity).toBe('page');
    expect(await desk.replayed()).toMatchObject({ different: [] });
  });

  test('released and held again, its time starts again', async () => {
    const desk = await deskOf({ retrain: { rows: 1, cooldown: '60d' }, shadow: false, hold: '3d' }, BY_HAND);
    desk.findings = { drift: true };
    await desk.step();
    for (let turn = 0; turn < 4; turn += 1) {
      await desk.control.hold(said('looks odd'));
      await desk.until(desk.now + 2 * DAY_MS);
      await desk.control.release(said('fine'));
    }
    expect(await desk.ends()).toEqual([]);
  });

  test.each([
    [{ requests: 900, labels: 500, mean: -0.1, low: -0.2, high: -0.01 }, ['pass']],
    [{ requests: 900, labels: 500, mean: 0.1, low: 0.01, high: 0.2 }, ['rollBack']],
    [{ requests: 900, labels: 500, mean: 0.01, low: -0.2, high: 0.2 }, []],
    [{ requests: 900, labels: 499, mean: -0.1, low: -0.2, high: -0.01 }, []],
  ])('a paired shadow of %j is answered by %j', async (paired, answer) => {
    const desk = await deskOf({ retrain: { rows: 1, cooldown: '60d' } }, { ...BY_HAND, shadow: '1h' });
    desk.findings = { drift: true, paired };
    await desk.step();
    await desk.step();
    const found = [
      ...(await desk.decided('pass')).map(() => 'pass'),
      ...(await desk.decided('rollBack')).map(() => 'rollBack'),
    ];
    expect(found).toEqual(answer);
  });

  test('a breach of a promoted version puts the previous one back, once, in the look that finds it', async () => {
    const desk = await deskOf({ retrain: { rows: 1, cooldown: '60d' }, shadow: false }, BY_HAND);
    desk.findings = { drift: true };
    await desk.step();
    await desk.control.promote(said('by hand'));
    expect(await desk.champion()).toBe(2);
    desk.findings = { drift: true, breach: 'the loss is 0.4, 0.2 was to be expected' };
    await desk.playbook.step();
    expect([await desk.champion(), await desk.ends()]).toEqual([1, ['rolledBack']]);
    await desk.until(desk.now + 5 * DAY_MS);
    expect(await desk.decided('rollBack')).toHaveLength(1);
  });
});

test('a dry run decides and does nothing: no version, no rollout, no incident, no declared value', async () => {
  const desk = await deskOf({
    mode: 'dryRun',
    retrain: { rows: 1, cooldown: '1d' },
    quality: { defaults: { gaps: 0 } },
  });
  for (const findings of [{ fault: true }, {}, { drift: true }, { drift: true }, { fault: true, drift: true }]) {
    desk.findings = findings;
    await desk.until(desk.now + DAY_MS);
  }
  const entries = await desk.entries();
  expect(entries.filter(({ kind }) => kind === 'decided').length).toBeGreaterThan(4);
  expect(entries.filter(({ kind }) => kind === 'finished')).toEqual([]);
  expect([desk.done, desk.incidents.active(), await desk.champion()]).toEqual([[], [], 1]);
  expect((await desk.playbook.journal.state()).stopped.every(({ isDry }) => isDry)).toBe(true);
  expect((await desk.decided('retrain')).length).toBe(2);
  expect(await desk.replayed()).toMatchObject({ different: [] });
});

/** One thing that happens in some hours of a random history. */
type Event = { readonly findings: Findings; readonly gate: boolean; readonly hours: number; readonly person: string };

const event: fc.Arbitrary<Event> = fc.record({
  findings: fc.record({
    drift: fc.boolean(),
    fault: fc.boolean(),
    breach: fc.constantFrom(null, null, 'the loss rose'),
  }),
  gate: fc.boolean(),
  hours: fc.integer({ min: 1, max: 72 }),
  person: fc.constantFrom('none', 'none', 'approve', 'deny', 'freeze', 'thaw', 'promote', 'hold', 'release'),
});

test('whatever happens, no limit is broken and the journal replays', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 5, maxLength: 25 }),
      fc.record({ sameCause: fc.integer({ min: 1, max: 3 }), perMonth: fc.integer({ min: 1, max: 4 }) }),
      fc.subarray(['retrain', 'rollout', 'promotion'] as const),
      async (events, limits, before) => {
        const desk = await deskOf(
          {
            retrain: { rows: 1, cooldown: '12h', ...limits },
            shadow: false,
            hold: '2d',
            ...(before.length === 0 ? {} : { approval: { before, within: '1d' } }),
          },
          BY_HAND,
        );
        for (const { findings, gate, hours, person } of events) {
          desk.findings = findings;
          desk.gate = gate ? { isPassed: true, reason: 'better', slices: {} } : REJECTED;
          await act(desk, person);
          await desk.until(desk.now + hours * HOUR_MS, 8 * HOUR_MS);
        }
        await checked(desk, limits);
      },
    ),
    { numRuns: 25 },
  );
}, 300_000);

/** What a person does; some of it does not fit, and is refused by code. */
async function act(desk: PlaybookDesk, person: string): Promise<void> {
  const { journal } = desk.playbook;
  const acts: Readonly<Record<string, () => Promise<unknown>>> = {
    approve: () => journal.answer(true, said('yes')),
    deny: () => journal.answer(false, said('no')),
    freeze: () => journal.freeze(true, said('stop')),
    thaw: () => journal.freeze(false, said('go')),
    promote: () => desk.control.promote(said('now')),
    hold: () => desk.control.hold(said('wait')),
    release: () => desk.control.release(said('go on')),
  };
  try {
    await acts[person]?.();
  } catch (error) {
    expect((error as { code?: string }).code).toMatch(/^(PLAYBOOK|ROLLOUT)_/);
  }
}

async function checked(desk: PlaybookDesk, { sameCause, perMonth }: { sameCause: number; perMonth: number }) {
  expect(desk.faults).toEqual([]);
  expect(await desk.replayed()).toMatchObject({ different: [] });
  const trained = await desk.decided('retrain');
  for (const [i, at] of trained.entries()) {
    // A training that a person approved is the person's: the limits stand before the question.
    if (i > 0 && (await desk.decided('ask')).length === 0)
      expect(at - trained[i - 1]).toBeGreaterThanOrEqual(12 * HOUR_MS);
    expect(trained.filter((other) => other <= at && at - other < 30 * DAY_MS).length).toBeLessThanOrEqual(perMonth);
  }
  let isFrozen = false;
  let gainless = 0;
  let isApproved = false;
  for (const entry of await desk.entries()) {
    if (entry.kind === 'frozen') isFrozen = true;
    if (entry.kind === 'thawed') isFrozen = false;
    if (entry.kind === 'answered') isApproved = entry.approve;
    if (entry.kind !== 'decided') continue;
    const { action } = entry;
    if (action.do === 'retrain' || action.do === 'rollOut') expect(isFrozen).toBe(false);
    if (action.do === 'retrain' && gainless >= sameCause) expect(isApproved).toBe(true);
    if (action.do === 'end') {
      // A question that was denied is no training.
      const isTraining = action.outcome !== 'denied' || action.version !== null;
      gainless = action.outcome === 'promoted' ? 0 : gainless + (isTraining ? 1 : 0);
      isApproved = false;
    }
  }
  // Every decision with an effect has exactly one outcome, or none yet.
  const ids = (await desk.entries()).flatMap((entry) => (entry.kind === 'finished' ? [entry.decision] : []));
  expect(new Set(ids).size).toBe(ids.length);
}

test('a fault that stays asks a person for the training after its windows, and again after a denial', async () => {
  const desk = await deskOf({ retrain: { rows: 1, cooldown: '1h' }, quality: { askAfter: 4 } });
  desk.findings = { drift: true, fault: true };
  await desk.until(MONDAY + 4 * HOUR_MS, HOUR_MS);
  expect([await desk.waits(), (await desk.decided('ask')).length]).toEqual([['fault'], 0]);
  await desk.step();
  expect(await desk.decided('ask')).toHaveLength(1);
  await desk.playbook.journal.answer(false, said('the source is being repaired'));
  await desk.until(desk.now + 4 * HOUR_MS, HOUR_MS);
  expect(await desk.decided('ask')).toHaveLength(1);
  desk.now += HOUR_MS;
  await desk.step();
  await desk.playbook.journal.answer(true, said('the values are missing for good'));
  await desk.step();
  expect(desk.done).toEqual(['train', 'rollOut']);
  const trained = (await desk.entries()).find((entry) => entry.kind === 'decided' && entry.action.do === 'retrain');
  // Rows that lack a value are learned from; those of another unit would not be.
  expect(trained).toMatchObject({ action: { exclude: [] } });
  expect(await desk.replayed()).toMatchObject({ different: [] });
});
