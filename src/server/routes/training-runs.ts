import { z } from 'zod';
import { insideOf } from '../../running/inside.ts';
import { listRuns } from '../../training/runner/list-runs.ts';
import { runStates } from '../../training/runner/run-state.ts';
import { json, jsonAnswer, type RouteAnswer, type WriteContext, type WriteRoute } from '../route.ts';

/** Runs of an answer. */
const MOST_RUNS = 50;

const instant = z.int().describe('epoch milliseconds (UTC)');
const step = z.int().min(0);

const attempt = z.object({
  attempt: z.int(),
  startedAt: instant,
  seconds: z.number(),
  cost: z.number().describe('at `training.pricePerHour`'),
  fromStep: step,
  toStep: step,
  lostSteps: step.describe('steps that the next attempt has to repeat'),
  outcome: z.string(),
  placement: z.string(),
});

const run = z.object({
  name: z.string().describe('its folder'),
  startedAt: instant,
  state: z.enum(runStates),
  isOpen: z.boolean(),
  step,
  loss: z.number().nullable(),
  checkpoint: step.nullable().describe('the newest one'),
  restarts: z.int(),
  preemptions: z.int(),
  attempts: z.array(attempt),
  seconds: z.number(),
  cost: z.number(),
  lostSteps: step,
  overhead: z.number().nullable().describe('paid steps for a step that counts; null before the first'),
});

/** Lists the training runs of the environment with their attempts and their spend. */
export const listTrainingRuns: WriteRoute = {
  method: 'GET',
  path: '/v1/training-runs',
  operationId: 'listTrainingRuns',
  tag: 'training',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  page: {
    takes: '',
    answers: `\`{runs}\`: the newest ${MOST_RUNS} training runs of the environment with steps, restarts, checkpoints and spend`,
  },
  errors: [],
  shapes: (_, define) => [
    {
      summary: 'The newest training runs, with their attempts and spend.',
      answers: { 200: json(define('TrainingRuns', z.object({ runs: z.array(run) }))) },
    },
  ],
  live: { everyMs: 2_000, read: runsAnswer },
  run: runsAnswer,
};

function runsAnswer({ headrace }: Pick<WriteContext, 'headrace'>): RouteAnswer {
  const { stores } = insideOf(headrace);
  return jsonAnswer({ runs: listRuns(stores.training.runs, MOST_RUNS, Date.now()) });
}
