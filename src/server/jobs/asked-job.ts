import { fail } from '../../base/errors/fail.ts';
import { viewToFill } from '../../featurestore/backfill/view-to-fill.ts';
import type { Headrace } from '../../running/headrace.ts';
import type { JobTask } from './job-board.ts';
import type { StartBody } from './start-body.ts';

type Asked<K extends StartBody['kind']> = Extract<StartBody, { kind: K }>;

/** The job that a body asks for. Errors: SERVER_BODY, MODEL_UNKNOWN, VIEW_UNKNOWN. */
export function askedJob(headrace: Headrace, asked: StartBody): JobTask {
  return asked.kind === 'train' ? trainTask(headrace, asked) : backfillTask(headrace, asked);
}

function trainTask(headrace: Headrace, { model: name, from, to, mode }: Asked<'train'>): JobTask {
  const model = headrace.model(name);
  const span = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  return {
    kind: 'train',
    target: model.name,
    work: ({ signal, say }) => headrace.train(model, { ...span, mode, signal, onLine: say }),
  };
}

function backfillTask(headrace: Headrace, asked: Asked<'backfill'>): JobTask {
  const { from = null, to = null, rollBack, acceptLoss } = asked;
  const view = viewToFill(headrace.project, asked.view);
  if (view.kind === 'batchView')
    return {
      kind: 'backfill',
      target: view.name,
      work: ({ signal, say }) =>
        rollBack
          ? headrace.rollBack(view)
          : headrace.backfill(view, { from, to }, { onProgress: say, acceptLoss, signal }),
    };
  if (rollBack || acceptLoss)
    throw fail('SERVER_BODY', { reason: `rollBack and acceptLoss are for batch views, and ${view.name} is none` });
  return {
    kind: 'backfill',
    target: view.name,
    work: ({ signal, say }) => headrace.backfill(view, { from, to }, { onProgress: say, signal }),
  };
}
