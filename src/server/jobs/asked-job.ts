import { fail } from '../../base/errors/fail.ts';
import { viewToFill } from '../../featurestore/backfill/view-to-fill.ts';
import type { Headrace } from '../../headrace.ts';
import { objectBody } from '../body.ts';
import type { JobTask } from './job-board.ts';

type Body = Readonly<Record<string, unknown>>;

/** The kinds of jobs that a server can be asked for, and what each takes. */
const kinds: Readonly<Record<string, (headrace: Headrace, body: Body) => JobTask>> = {
  train: trainTask,
  backfill: backfillTask,
};

const MEMBERS = ['kind', 'model', 'view', 'from', 'to', 'mode', 'rollBack', 'acceptLoss'];

/** The job that a body asks for. Errors: SERVER_BODY, MODEL_UNKNOWN, VIEW_UNKNOWN. */
export function askedJob(headrace: Headrace, body: unknown): JobTask {
  const asked = objectBody(body, MEMBERS);
  const kind = String(asked['kind']);
  if (!Object.hasOwn(kinds, kind))
    throw fail('SERVER_BODY', { reason: `"kind" is none of ${Object.keys(kinds).join(', ')}` });
  return kinds[kind](headrace, asked);
}

function trainTask(headrace: Headrace, body: Body): JobTask {
  const model = headrace.model(String(body['model']));
  const { mode = 'corrected' } = body;
  if (mode !== 'corrected' && mode !== 'as-known')
    throw fail('SERVER_BODY', { reason: 'the mode is neither corrected nor as-known' });
  const span = spanOf(body);
  return {
    kind: 'train',
    target: model.name,
    work: ({ signal, say }) => headrace.train(model, { ...span, mode, signal, onLine: say }),
  };
}

function backfillTask(headrace: Headrace, body: Body): JobTask {
  const view = viewToFill(headrace.project, String(body['view']));
  const { from = null, to = null } = spanOf(body);
  const [rollsBack, acceptLoss] = [flag(body, 'rollBack'), flag(body, 'acceptLoss')];
  if (view.kind === 'batchView')
    return {
      kind: 'backfill',
      target: view.name,
      work: ({ signal, say }) =>
        rollsBack
          ? headrace.features.rollBack(view)
          : headrace.features.backfill(view, { from, to }, { onProgress: say, acceptLoss, signal }),
    };
  if (rollsBack || acceptLoss)
    throw fail('SERVER_BODY', { reason: `rollBack and acceptLoss are for batch views, and ${view.name} is none` });
  return {
    kind: 'backfill',
    target: view.name,
    work: ({ signal, say }) => headrace.features.backfill(view, { from, to }, { onProgress: say, signal }),
  };
}

function spanOf(body: Body): { readonly from?: number; readonly to?: number } {
  const span: { from?: number; to?: number } = {};
  for (const name of ['from', 'to'] as const) {
    const value = body[name];
    if (value === undefined) continue;
    if (typeof value !== 'number' || !Number.isSafeInteger(value))
      throw fail('SERVER_BODY', { reason: `"${name}" is not epoch milliseconds` });
    span[name] = value;
  }
  return span;
}

function flag(body: Body, name: string): boolean {
  const value = body[name] ?? false;
  if (typeof value !== 'boolean') throw fail('SERVER_BODY', { reason: `"${name}" is neither true nor false` });
  return value;
}
