import { existsSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { viewToFill } from '../../featurestore/backfill/view-to-fill.ts';
import type { Headrace } from '../../running/headrace.ts';
import { insideOf } from '../../running/inside.ts';
import { readSpan } from '../../schema/instant.ts';
import { type BatchProgress, progressText, spacedProgress } from '../../serving/batch/batch-progress.ts';
import { readDeadRows } from '../../serving/batch/dead-rows.ts';
import { isRemote } from '../../serving/batch/remote-side.ts';
import type { JobTask } from './job-board.ts';
import type { StartBody } from './start-body.ts';

type Asked<K extends StartBody['kind']> = Extract<StartBody, { kind: K }>;

/** The job that a body asks for. Errors: SERVER_BODY, INSTANT_*, MODEL_UNKNOWN, VIEW_UNKNOWN. */
export function askedJob(headrace: Headrace, asked: StartBody): JobTask {
  if (asked.kind !== 'predict')
    readSpan(withoutUndefined({ from: asked.from, to: asked.to }), insideOf(headrace).clock(), 'the job');
  switch (asked.kind) {
    case 'train':
      return trainTask(headrace, asked);
    case 'backfill':
      return backfillTask(headrace, asked);
    case 'predict':
      return predictTask(headrace, asked);
    default:
      return asked satisfies never;
  }
}

function predictTask(
  headrace: Headrace,
  { kind, model: name, from, to, spine, ...options }: Asked<'predict'>,
): JobTask {
  const model = headrace.model(name);
  const folder = resolve(headrace.directory, 'batch', 'files');
  const paths = { from: below(folder, from), to: below(folder, to) };
  const rows = spine === undefined ? {} : { spine: withoutUndefined(spine) };
  const within = (one: string) => relative(folder, one);
  let batch: string | null = null;
  return {
    kind,
    target: model.name,
    deadRows: async (most) => {
      const rows = batch === null ? [] : await readDeadRows(paths.to, batch, most);
      return rows.map((row) => ({ ...row, file: within(row.file) }));
    },
    work: async ({ signal, say, progress }) => {
      mustBeFile(paths.from);
      const spaced = spacedProgress((now) => say(progressText(now)));
      const onProgress = (now: BatchProgress) => {
        const { job, ...far } = now;
        batch = job;
        progress(far);
        spaced(now);
      };
      const { result, shadow } = await headrace.startBatch(model, {
        ...options,
        ...rows,
        ...paths,
        signal,
        onProgress,
        onEngine: say,
      });
      const { path, files, ...summary } = await result;
      batch = summary.job;
      const compared = await shadow;
      return {
        ...summary,
        path: within(path),
        files: files.map(within),
        shadow: compared === null ? null : { ...compared, path: within(compared.path) },
      };
    },
  };
}

/** A folder may hold links to files elsewhere, and a pattern may leave the folder that its text is in. Error: PREDICT_INPUT. */
function mustBeFile(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return;
  throw fail('PREDICT_INPUT', { path, reason: 'a job of a server reads one file, and this is none' });
}

/** A path of a request: it stays below the folder, whatever links are there. Error: PREDICT_PATH. */
function below(folder: string, path: string): string {
  // With the keys of the server to its object store.
  if (isRemote(path)) throw fail('PREDICT_PATH', { path, folder: 'batch/files' });
  mkdirSync(folder, { recursive: true });
  const found = resolve(folder, path);
  // A part that is not there yet cannot be a link.
  let known = found;
  while (!existsSync(known)) known = dirname(known);
  const real = realpathSync(known);
  const root = realpathSync(folder);
  const isBelow = found.startsWith(`${folder}${sep}`) && (real === root || real.startsWith(`${root}${sep}`));
  if (!isBelow) throw fail('PREDICT_PATH', { path, folder: 'batch/files' });
  return found;
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return JSON.parse(JSON.stringify(value));
}

function trainTask(headrace: Headrace, { model: name, from, to, mode, resume, budget }: Asked<'train'>): JobTask {
  const model = headrace.model(name);
  const span = {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(budget === undefined ? {} : { budget }),
  };
  return {
    kind: 'train',
    target: model.name,
    work: ({ signal, say }) => headrace.train(model, { ...span, mode, resume, signal, onLine: say }),
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
