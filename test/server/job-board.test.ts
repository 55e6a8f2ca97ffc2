import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JobBoard, type JobReport } from '../../src/server/jobs/job-board.ts';
import { until } from '../until.ts';

/** A job whose end the test decides. */
function heldTask(target: string, begin = () => {}) {
  const held = { calls: 0, say: (_: string) => {}, finish: () => {}, break: (_: Error) => {} };
  const work = ({ signal, say }: { readonly signal: AbortSignal; readonly say: (line: string) => void }) => {
    held.calls += 1;
    begin();
    held.say = say;
    return new Promise<string>((done, failed) => {
      held.finish = () => done(target);
      held.break = failed;
      signal.addEventListener('abort', () => failed(new Error('aborted')));
    });
  };
  return { held, task: { kind: 'train', target, work } };
}

const ENDED = ['done', 'failed', 'cancelled'];

test('whatever is started, cancelled and finished, one job runs at a time, in order, and each ends in one state', async () => {
  const step = fc.record({ what: fc.constantFrom('start', 'cancel', 'finish', 'break'), which: fc.nat(14) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (steps) => {
      const board = new JobBoard(() => 0);
      const jobs: { readonly id: string; readonly held: ReturnType<typeof heldTask>['held'] }[] = [];
      const ends = new Map<string, string>();
      const began: number[] = [];
      const look = async () => {
        await new Promise(setImmediate);
        const reports = board.list();
        expect(reports.filter(({ state }) => state === 'running').length).toBeLessThanOrEqual(1);
        for (const { id, state, endedAt } of reports) {
          expect(endedAt !== null).toBe(ENDED.includes(state));
          if (ends.has(id)) expect(state, 'an end stays').toBe(ends.get(id));
          if (ENDED.includes(state)) ends.set(id, state);
        }
        const started = jobs.map(({ held }) => held.calls);
        expect(Math.max(0, ...started)).toBeLessThanOrEqual(1);
        expect(began).toEqual(began.toSorted((a, b) => a - b));
      };
      for (const { what, which } of steps) {
        const job = jobs[which];
        if (what === 'start' && jobs.length < 15) {
          const place = jobs.length;
          const { held, task } = heldTask(`m${place}`, () => began.push(place));
          jobs.push({ id: board.start(task).id, held });
        } else if (job !== undefined) {
          const before = board.report(job.id).state;
          if (what === 'cancel') board.cancel(job.id);
          else if (before === 'running') what === 'finish' ? job.held.finish() : job.held.break(new Error('broken'));
          await look();
          const after = board.report(job.id).state;
          if (what === 'cancel' && !ENDED.includes(before)) expect(after).toBe('cancelled');
          if (what === 'cancel' && before === 'waiting') expect(job.held.calls, 'it never began').toBe(0);
        }
        await look();
      }
      await board.close();
      await look();
      expect(board.list().map(({ id }) => ends.has(id))).not.toContain(false);
      expect(() => board.start(heldTask('late').task)).toThrow(/the server is stopping/);
    }),
  );
});

test('who asks for the lines after those that were seen gets each line once, in order; of very many the newest', async () => {
  const board = new JobBoard(() => 0);
  const { held, task } = heldTask('m');
  const { id } = board.start(task);
  await until(() => held.calls === 1);
  let [seen, lines]: [number, string[]] = [0, []];
  const look = (): JobReport => {
    const report = board.report(id, seen);
    seen = report.next;
    lines = [...lines, ...report.lines];
    return report;
  };
  for (let i = 0; i < 300; i += 1) {
    held.say(`line ${i}`);
    if (i % 7 === 0) look();
  }
  look();
  expect(lines).toEqual(Array.from({ length: 300 }, (_, i) => `line ${i}`));
  for (let i = 300; i < 5_000; i += 1) held.say(`line ${i} ${'x'.repeat(10_000)}`);
  const { lines: kept, next } = look();
  expect(next).toBe(5_000);
  expect(kept.at(-1)).toMatch(/^line 4999 x+$/);
  expect(kept.join('').length, 'what a job keeps is bounded').toBeLessThan(500_000);
  held.finish();
  await board.close();
});

test('the same is not started twice, a queue has an end, and only this many jobs that have ended are kept', async () => {
  const board = new JobBoard(() => 0);
  const first = heldTask('m0');
  const { id } = board.start(first.task);
  expect(() => board.start(heldTask('m0').task)).toThrow(
    expect.objectContaining({ code: 'JOB_RUNNING', facts: { id } }),
  );
  await until(() => first.held.calls === 1);
  const start = (i: number) => board.start(heldTask(`m${i}`).task);
  for (let i = 1; i <= 20; i += 1) start(i);
  expect(() => start(21)).toThrow(expect.objectContaining({ code: 'JOB_QUEUE' }));
  for (let i = 21; i < 200; i += 1) {
    const waiting = board.list().find(({ state }) => state === 'waiting');
    board.cancel(waiting?.id ?? '');
    start(i);
  }
  expect(board.list().length).toBeLessThan(100);
  expect(board.report(id).state, 'one that runs is kept').toBe('running');
  expect(() => board.report('train-0')).toThrow(expect.objectContaining({ code: 'JOB_UNKNOWN' }));
  await board.close();
});
