import { resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { FeatureServiceData, ModelData, ProjectData } from '../../features/define/declaration.ts';
import type { ReadMode } from '../../features/plan/stream-read.ts';
import type { AskedTrainingSet } from '../../featurestore/training-set/asked-training-set.ts';
import type { JoinedSpine } from '../../featurestore/training-set/join-spine.ts';
import type { SpineFormat } from '../../featurestore/training-set/spine-file.ts';
import type { TrainingSetSummary } from '../../featurestore/training-set/training-set.ts';
import { trainingSpan } from '../../featurestore/training-set/training-span.ts';
import { type Call, command, unfinished } from '../command.ts';
import { type ServerLink, serverOf } from '../link/server-link.ts';
import { loadConfig } from '../open/load-config.ts';
import { withHeadrace } from '../open/with-headrace.ts';
import { option } from '../options/option.ts';
import { choice, column, file, instant, pairs } from '../options/option-kinds.ts';
import { withProgress } from '../terminal/progress.ts';

const FORMATS = ['parquet', 'csv', 'tsv', 'jsonl'] as const satisfies readonly SpineFormat[];

const options = {
  spine: option(file, 'file of the rows: Parquet, CSV or TSV with a header, JSON lines (the model’s own rows)'),
  out: option(file, 'the Parquet file to write', 'training-set.parquet'),
  mode: option(
    choice(['corrected', 'as-known']),
    'all accepted events, or as-known: only events that had arrived at each instant',
    'corrected',
  ),
  time: option(column, 'column of the instant in the spine (_at)'),
  columns: option(pairs, 'columns with another name in the spine: request=column,…', {}),
  format: option(choice(FORMATS), 'form of the spine (by its name)'),
  from: option(instant, 'first instant of a model’s own rows: epoch ms or a UTC date'),
  to: option(
    instant,
    'end of a model’s own rows, exclusive (now minus the label’s within and its source’s lateness, when labels are complete)',
  ),
};

type Asked = Call<typeof options>;

export const trainingSet = command({
  name: ['training-set'],
  stop: [unfinished('JOB_CANCELLED')],
  summary: 'writes point-in-time features as Parquet, for the rows of a model or of your own file',
  words: '<model or service>',
  arity: [1, 1],
  options,
  run: (asked) =>
    withProgress(asked, `training set of ${asked.words[0]}`, async (call) => {
      const path = resolve(call.options.out);
      const { mode } = call.options;
      const server = await serverOf(call);
      const written = await (server === null ? writeHere(call, path, mode) : writeBeside(call, server, path, mode));
      const { rows, ...rest } = written;
      const left =
        'nullKeys' in rest
          ? `${rest.nullKeys} without an entity`
          : `${rest.assumed} labels of them assumed, ${rest.unlabelled} skipped without a label (${rest.pending} of them pending)`;
      call.terminal.out(call.json ? JSON.stringify({ ...written, mode }) : `${path}: ${rows} rows, ${left}`);
    }),
});

type Written = TrainingSetSummary | JoinedSpine;

/** Opens the project here. */
function writeHere(call: Asked, path: string, mode: ReadMode): Promise<Written> {
  return withHeadrace(call, async (headrace) => {
    const of = targetOf(headrace.project, call.words[0]);
    const run = runOf(call);
    const spine = spineOf(call);
    return spine === null
      ? headrace.writeTrainingSet(modelOf(of), path, { ...spanOf(call), mode, ...run })
      : headrace.writeTrainingSet(of, path, { spine, mode, ...run });
  });
}

/** In this process, from the history that the server that has the environment open has published: all that it has taken until now. */
async function writeBeside(call: Asked, server: ServerLink, path: string, mode: ReadMode): Promise<Written> {
  const { project, environment } = await loadConfig(call);
  const of = targetOf(project, call.words[0]);
  const asked = askedOf(call, of, path, mode);
  await server.ask('POST', '/v1/admin/flush', {});
  const { writeHistorySet } = await import('../../site/history-set.ts');
  const run = runOf(call);
  return writeHistorySet(asked, { project, environment, ...run, onComputeError: (error) => run.onLine(String(error)) });
}

/** Progress goes to the terminal; Ctrl-C ends the writing, and no file is left. */
function runOf({ terminal }: Call) {
  const stopped = new AbortController();
  terminal.stopped.then(() => stopped.abort());
  return { onLine: (text: string) => terminal.err(`headrace: ${text}`), signal: stopped.signal };
}

function askedOf(call: Asked, of: ModelData | FeatureServiceData, path: string, mode: ReadMode): AskedTrainingSet {
  const spine = spineOf(call);
  if (spine !== null) {
    const service = of.kind === 'model' ? of.service : of;
    return { kind: 'spine', service: service.name, spine, path, mode };
  }
  const now = Date.now();
  const model = modelOf(of);
  return { kind: 'model', model: model.name, between: trainingSpan(model, spanOf(call), now), now, path, mode };
}

function targetOf({ models, services }: ProjectData, name: string): ModelData | FeatureServiceData {
  const of = [...models, ...services].find((one) => one.name === name);
  if (of === undefined) throw fail('SERVICE_UNKNOWN', { service: name, known: services.map((one) => one.name) });
  return of;
}

function modelOf(of: ModelData | FeatureServiceData): ModelData {
  if (of.kind === 'model') return of;
  throw fail('SPINE_NONE', { target: of.name });
}

function spanOf({ options: { from, to } }: Asked): { readonly from?: number; readonly to?: number } {
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

/** null: the rows are those of the model. */
function spineOf({ options: { spine, columns, format, time } }: Asked) {
  if (spine === undefined) return null;
  return {
    path: resolve(spine),
    columns,
    ...(format === undefined ? {} : { format }),
    ...(time === undefined ? {} : { time }),
  };
}
