import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { root } from '../../scripts/run-command.ts';
import { allLabs } from '../../src/labs/all-labs.ts';
import { supportedChoices } from '../../src/labs/judge.ts';
import type { Lab, Measured } from '../../src/labs/lab.ts';
import { type LabJobs, Labs } from '../../src/labs/labs.ts';
import { figureText } from '../../src/labs/phrase.ts';
import { JobBoard } from '../../src/server/jobs/job-board.ts';
import { until } from '../until.ts';

/** Opens labs whose systems measure what `measured` says. */
function opened(
  labs: readonly Lab[],
  measured: (lab: string, step: string) => Measured,
  jobs: LabJobs = new JobBoard(),
) {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-labs-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const replaced = labs.map((lab) => ({
    ...lab,
    steps: lab.steps.map((step) => ({ ...step, measure: async () => measured(lab.id, step.id) })),
  }));
  const serve = () => Promise.reject(new Error('no system of these labs serves'));
  const open = () => new Labs({ labs: replaced, folder, jobs, serve });
  return { folder, open };
}

/** Acts on a step, and waits for its measurement. */
async function acted(labs: Labs, lab: string, step: string) {
  labs.act(lab, step);
  const now = () => labs.read(lab).steps.find(({ id }) => id === step);
  await until(() => now()?.state !== 'acting');
  return now();
}

/** The figures that a text names. */
function namesOf(text: string): readonly string[] {
  return [...text.matchAll(/\{([^{}]{1,80})\}/g)].map(([, name]) => name);
}

const numbers = fc.double({ min: -1e6, max: 1e6, noNaN: true });

function anyMeasured(step: Lab['steps'][number]): fc.Arbitrary<Measured> {
  const record = (names: readonly string[]) =>
    fc.tuple(...names.map(() => numbers)).map((all) => Object.fromEntries(names.map((name, i) => [name, all[i]])));
  return fc.record({ figures: record(Object.keys(step.figures)), losses: record(Object.keys(step.choices)) });
}

describe.each(allLabs)('the lab $id', (lab) => {
  test('its texts hold no number but those of the question, and name figures that its steps measure', () => {
    const ofAnswer = new Set(
      lab.steps.flatMap(({ id, figures }) =>
        ['decision', 'loss', ...Object.keys(figures)].map((name) => `${id}.${name}`),
      ),
    );
    const texts = [
      ...lab.answer.flatMap(({ title, lines }) => [title, ...lines]).map((text) => ({ text, known: ofAnswer })),
      ...lab.steps.flatMap(({ title, asks, act, figures, loss, choices }) => {
        const known = new Set(['loss', ...Object.keys(figures)]);
        const specs = [...Object.values(figures), loss].map(({ what }) => what);
        const shown = Object.values(choices).flatMap((one) => [one.text, one.shows]);
        return [title, asks, act.verb, act.effect, ...specs, ...shown].map((text) => ({ text, known }));
      }),
    ];
    for (const { text, known } of texts) {
      for (const name of namesOf(text)) expect(known, text).toContain(name);
      expect(text.replace(/\{[^}]*\}/g, '').replace(/\bp\d+\b/g, ''), 'a number that nobody measured').not.toMatch(
        /\d/,
      );
    }
    for (const { shows } of lab.steps.flatMap(({ choices }) => Object.values(choices)))
      expect(namesOf(shows), `${shows}: its own loss`).toContain('loss');
    expect(existsSync(join(root, 'docs', `${lab.page}.md`)), lab.page).toBe(true);
  });

  test('whatever is measured, a weaker choice never passes, the supported one does, and the answer has the figures of the run', async () => {
    const runs = fc.tuple(...lab.steps.map(anyMeasured));
    await fc.assert(
      fc.asyncProperty(runs, async (all) => {
        const measured = new Map(lab.steps.map(({ id }, i) => [id, all[i]]));
        const labs = opened([lab], (_, step) => measured.get(step) ?? all[0]).open();
        for (const step of lab.steps) {
          const run = measured.get(step.id) ?? all[0];
          await acted(labs, lab.id, step.id);
          const best = supportedChoices(run);
          const least = Math.min(...Object.values(run.losses));
          expect(best.length).toBeGreaterThan(0);
          for (const choice of Object.keys(step.choices).toSorted((a) => (best.includes(a) ? 1 : -1))) {
            const before = labs.read(lab.id).steps.find(({ id }) => id === step.id);
            if (before?.state === 'passed') break;
            expect(before?.choices.find(({ id }) => id === choice)?.loss, 'hidden until it is tried').toBeNull();
            labs.decide(lab.id, step.id, choice);
            const state = labs.read(lab.id).steps.find(({ id }) => id === step.id)?.state;
            expect(state).toBe(run.losses[choice] - least <= 1e-9 * Math.abs(least) ? 'passed' : 'measured');
          }
        }
        const { answer, isComplete, steps } = labs.read(lab.id);
        expect(isComplete).toBe(true);
        const shown = new Set(
          steps
            .flatMap(({ figures, choices }) => [...figures, ...choices.map(({ loss }) => loss)])
            .map((one) => one?.text),
        );
        const [filled, templates] = [answer, lab.answer].map(
          (sections) => sections?.flatMap(({ lines }) => lines) ?? [],
        );
        for (const [i, template] of templates.entries()) {
          const parts = template.split(/\{[^}]*\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
          const [, ...values] = new RegExp(`^${parts.join('(.*?)')}$`).exec(filled[i]) ?? [];
          for (const [n, name] of namesOf(template).entries())
            if (!name.endsWith('.decision')) expect(shown, `${filled[i]}: {${name}}`).toContain(values[n]);
        }
      }),
      { numRuns: 5 },
    );
  });
});

test('a measurement without a finite number for each figure and choice is a fault of the step, and nothing passes by it', async () => {
  const [lab] = allLabs;
  const [step] = lab.steps;
  const whole: Measured = {
    figures: Object.fromEntries(Object.keys(step.figures).map((name) => [name, 1])),
    losses: Object.fromEntries(Object.keys(step.choices).map((name, i) => [name, i])),
  };
  const first = Object.keys(whole.losses)[0];
  const broken: readonly Measured[] = [
    { ...whole, losses: { ...whole.losses, [first]: Number.NaN } },
    { ...whole, losses: { ...whole.losses, [first]: Number.POSITIVE_INFINITY } },
    { ...whole, losses: {} },
    { ...whole, figures: { ...whole.figures, more: 1 } },
  ];
  for (const measured of broken) {
    const labs = opened([lab], () => measured).open();
    expect(await acted(labs, lab.id, step.id)).toMatchObject({ state: 'ready', fault: { code: 'LAB_SYSTEM' } });
    expect(() => labs.decide(lab.id, step.id, first)).toThrow(expect.objectContaining({ code: 'LAB_STATE' }));
  }
});

test('progress survives a restart; a run, and a measurement of other figures, do not', async () => {
  const [lab] = allLabs;
  const [step, next] = lab.steps;
  const measured = (id: string): Measured => {
    const of = lab.steps.find((one) => one.id === id) ?? step;
    return {
      figures: Object.fromEntries(Object.keys(of.figures).map((name, i) => [name, i / 3])),
      losses: Object.fromEntries(Object.keys(of.choices).map((name, i) => [name, i])),
    };
  };
  const { folder, open } = opened([lab], (_, id) => measured(id));
  const before = open();
  await acted(before, lab.id, step.id);
  before.decide(lab.id, step.id, Object.keys(step.choices)[1]);
  before.decide(lab.id, step.id, Object.keys(step.choices)[0]);
  const kept = before.read(lab.id);
  expect(open().read(lab.id)).toEqual(kept);
  before.act(lab.id, next.id);
  expect(before.read(lab.id).steps[1].state).toBe('acting');
  expect(open().read(lab.id).steps[1].state, 'a run ends with its process').toBe('ready');
  await until(() => before.read(lab.id).steps[1].state !== 'acting');
  const path = join(folder, 'labs.json');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace('"figures":{', '"figures":{"gone":1,'));
  expect(open().read(lab.id).steps[0].state).toBe('ready');
  for (const [content, code] of [
    ['{', 'LABS_FILE'],
    ['{"format":1}', 'LABS_FILE'],
    [text.replace('"format":1', '"format":2'), 'LABS_FORMAT'],
  ]) {
    writeFileSync(path, content);
    expect(() => open(), content.slice(0, 20)).toThrow(expect.objectContaining({ code }));
  }
});

test('a file of format 1 opens, and each step is in its state of then', () => {
  const { folder, open } = opened(allLabs, () => ({ figures: {}, losses: {} }));
  writeFileSync(join(folder, 'labs.json'), readFileSync(join(root, 'test/fixtures/labs-1.json')));
  const { steps } = open().read('gpu-cluster');
  expect(steps.map(({ state }) => state)).toEqual(['passed', 'measured', 'locked']);
  expect(steps[0].tried).toEqual(['schedule', 'tune']);
});

test('a step that is locked, acting or passed takes no action that it should not, and a cancelled run leaves it ready', async () => {
  const [lab] = allLabs;
  const [step, next] = lab.steps;
  const held = Promise.withResolvers<Measured>();
  const jobs = new JobBoard();
  const folder = mkdtempSync(join(tmpdir(), 'headrace-labs-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const measuring = { ...lab, steps: lab.steps.map((one) => ({ ...one, measure: () => held.promise })) };
  const labs = new Labs({ labs: [measuring], folder, jobs, serve: () => Promise.reject(new Error('none')) });
  const state = (call: () => unknown) => expect(call).toThrow(expect.objectContaining({ code: 'LAB_STATE' }));
  state(() => labs.act(lab.id, next.id));
  state(() => labs.decide(lab.id, step.id, Object.keys(step.choices)[0]));
  labs.act(lab.id, step.id);
  state(() => labs.act(lab.id, step.id));
  state(() => labs.restart(lab.id));
  const [{ id }] = jobs.list();
  jobs.cancel(id);
  held.resolve({ figures: {}, losses: {} });
  await until(() => labs.read(lab.id).steps[0].state === 'ready');
});

test('a figure is shown with its unit, in as many digits as a person reads', () => {
  expect(figureText(0.4567, { unit: 'ms' })).toBe('0.457 ms');
  expect(figureText(12_345.6, { unit: 'ms' })).toBe('12,346 ms');
  expect(figureText(3.5, { unit: 'USD' })).toBe('$3.50');
  expect(figureText(702.64, { unit: 'USD' })).toBe('$703');
  expect(figureText(7, { unit: '' })).toBe('7');
});
