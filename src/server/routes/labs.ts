import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { allLabs } from '../../labs/all-labs.ts';
import type { Labs } from '../../labs/labs.ts';
import { parsedBody } from '../body.ts';
import { type Define, json, jsonAnswer, type RouteAnswer, type WriteContext, type WriteRoute } from '../route.ts';

const instant = z.int().describe('epoch milliseconds (UTC)');
const figure = z.object({
  name: z.string(),
  what: z.string(),
  unit: z.string(),
  value: z.number(),
  text: z.string().describe('the value with its unit'),
});
const common = {
  id: z.string(),
  title: z.string(),
  question: z.string(),
  page: z.string().describe('the page of the documentation'),
  passed: z.int().describe('steps that are passed'),
  isComplete: z.boolean(),
};
const summaries = z.object({
  labs: z.array(z.object({ ...common, steps: z.int(), states: z.array(z.string()) })),
  completed: z.int(),
});
const step = z.object({
  id: z.string(),
  title: z.string(),
  asks: z.string(),
  act: z.object({ verb: z.string(), effect: z.string() }),
  state: z.enum(['locked', 'ready', 'acting', 'measured', 'passed']),
  lines: z.array(z.string()).describe('progress while it acts'),
  fault: z.object({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
  measuredAt: instant.nullable(),
  seed: z.number().nullable().describe('the same seed hides the same fault'),
  figures: z.array(figure),
  loss: z.object({ what: z.string(), unit: z.string() }).describe('the figure that judges every choice'),
  choices: z.array(
    z.object({
      id: z.string(),
      text: z.string(),
      loss: figure.nullable().describe('null until it was tried, or the step is passed'),
      shows: z.string().nullable(),
      verdict: z.enum(['supported', 'weaker']).nullable(),
    }),
  ),
  tried: z.array(z.string()),
});
const report = z.object({
  ...common,
  steps: z.array(step),
  answer: z
    .array(z.object({ title: z.string(), lines: z.array(z.string()) }))
    .nullable()
    .describe('once every step is passed'),
});

const answers = (define: Define) => ({ 200: json(define('Lab', report)) });
const ids = allLabs.map(({ id }) => id);

/** The labs of a demo. Error: LABS_OFF. */
function labsOf({ labs }: Pick<WriteContext, 'labs'>): Labs {
  if (labs === null) throw fail('LABS_OFF', {});
  return labs;
}

function labsAnswer(context: Pick<WriteContext, 'labs'>): RouteAnswer {
  const labs = labsOf(context).list();
  return jsonAnswer({ labs, completed: labs.filter(({ isComplete }) => isComplete).length });
}

/** Reads how far every lab is. */
export const listLabs: WriteRoute = {
  method: 'GET',
  path: '/v1/labs',
  operationId: 'listLabs',
  tag: 'operations',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  page: { takes: '', answers: '`{labs, completed}`: the [labs](../guide/labs.md) of a demo, and how far each is' },
  errors: ['LABS_OFF'],
  shapes: (_, define) => [
    { summary: 'The labs of a demo, and how far each is.', answers: { 200: json(define('Labs', summaries)) } },
  ],
  live: { everyMs: 500, read: labsAnswer },
  run: labsAnswer,
};

/** Reads a lab. */
export const readLab: WriteRoute = {
  method: 'GET',
  path: '/v1/labs/{lab}',
  operationId: 'readLab',
  tag: 'operations',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  page: {
    takes: '',
    answers: 'a [lab](../guide/labs.md): its steps with their figures, and its answer once it is complete',
  },
  errors: ['LABS_OFF', 'LAB_UNKNOWN'],
  shapes: (_, define) =>
    ids.map((name) => ({ name, summary: `The lab ${name}: steps, figures, answer.`, answers: answers(define) })),
  run: (context, { name }) => jsonAnswer(labsOf(context).read(name)),
};

const changeBody = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('act'), step: z.string().max(100) }),
  z.strictObject({ action: z.literal('decide'), step: z.string().max(100), choice: z.string().max(100) }),
  z.strictObject({ action: z.literal('restart') }),
]);

/** Acts on the system of a step, decides a measured one, or begins a lab again. */
export const changeLab: WriteRoute = {
  method: 'POST',
  path: '/v1/labs/{lab}',
  operationId: 'changeLab',
  tag: 'admin',
  scopes: ['admin'],
  changes: 'labs',
  access: 'writes',
  page: {
    takes: "`{action: 'act', step}`, `{action: 'decide', step, choice}` or `{action: 'restart'}`",
    answers:
      'the [lab](../guide/labs.md) after it; a step that acts is a job of the server, and its measurement comes later',
  },
  errors: [
    'LABS_OFF',
    'LABS_FILE',
    'LAB_UNKNOWN',
    'LAB_STEP',
    'LAB_CHOICE',
    'LAB_STATE',
    'JOB_QUEUE',
    'SERVER_CLOSING',
  ],
  refusals: ['LAB_CHOICE'],
  shapes: (_, define) =>
    ids.map((name) => ({
      name,
      summary: `Acts on a step of the lab ${name}, decides one, or begins it again.`,
      body: json(define('LabBody', changeBody)),
      answers: answers(define),
    })),
  run: (context, { name, body, names }) => {
    const change = parsedBody(changeBody, body);
    const labs = labsOf(context);
    names({ what: `lab ${change.action}`, target: 'step' in change ? `${name}/${change.step}` : name });
    return jsonAnswer(changed(labs, name, change));
  },
};

function changed(labs: Labs, name: string, change: z.output<typeof changeBody>) {
  switch (change.action) {
    case 'act':
      return labs.act(name, change.step);
    case 'decide':
      return labs.decide(name, change.step, change.choice);
    case 'restart':
      return labs.restart(name);
    default:
      return change satisfies never;
  }
}
