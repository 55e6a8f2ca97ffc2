import { resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { FeatureServiceData, ModelData, ProjectData } from '../../features/define/declaration.ts';
import type { ReadMode } from '../../features/plan/stream-read.ts';
import type { AskedTrainingSet } from '../../featurestore/training-set/asked-training-set.ts';
import type { JoinedSpine } from '../../featurestore/training-set/join-spine.ts';
import type { SpineFormat } from '../../featurestore/training-set/spine-file.ts';
import type { TrainingSetSummary } from '../../featurestore/training-set/training-set.ts';
import { trainingSpan } from '../../featurestore/training-set/training-span.ts';
import { type Call, type Command, unfinished } from '../command.ts';
import { loadConfig } from '../load-config.ts';
import { choiceOption, instantOption, pairsOption } from '../parse-option.ts';
import { withProgress } from '../progress.ts';
import { type ServerLink, serverOf } from '../server-link.ts';
import { withHeadrace } from '../with-headrace.ts';

const FORMATS = ['parquet', 'csv', 'tsv', 'jsonl'] as const satisfies readonly SpineFormat[];

export const trainingSet: Command = {
  name: ['training-set'],
  stop: [unfinished('JOB_CANCELLED')],
  summary: 'writes point-in-time features as Parquet, for the rows of a model or of your own file',
  words: '<model or service>',
  arity: [1, 1],
  options: {
    spine: { type: 'string' },
    out: { type: 'string' },
    mode: { type: 'string' },
    time: { type: 'string' },
    columns: { type: 'string' },
    format: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
  },
  help: {
    spine: 'file of the rows: Parquet, CSV or TSV with a header, JSON lines (the model’s own rows)',
    out: 'the Parquet file to write (training-set.parquet)',
    mode: 'corrected: all accepted events; as-known: only events that had arrived at each instant (corrected)',
    time: 'column of the instant in the spine (_at)',
    columns: 'columns with another name in the spine: request=column,…',
    format: 'parquet, csv, tsv or jsonl (by the name of the spine)',
    from: 'first instant of a model’s own rows: epoch ms or a UTC date',
    to: 'end of a model’s own rows, exclusive (now minus the label’s within and its source’s lateness, when labels are complete)',
  },
  run: (asked) =>
    withProgress(asked, `training set of ${asked.words[0]}`, async (call) => {
      const path = resolve(String(call.options['out'] ?? 'training-set.parquet'));
      const mode = choiceOption('mode', call.options['mode'], ['corrected', 'as-known']) ?? 'corrected';
      const server = await serverOf(call);
      const written = await (server === null ? writeHere(call, path, mode) : writeBeside(call, server, path, mode));
      const { rows, ...rest } = written;
      const left =
        'nullKeys' in rest
          ? `${rest.nullKeys} without an entity`
          : `${rest.assumed} labels of them assumed, ${rest.unlabelled} skipped without a label (${rest.pending} of them pending)`;
      call.terminal.out(call.json ? JSON.stringify({ ...written, mode }) : `${path}: ${rows} rows, ${left}`);
    }),
};

type Written = TrainingSetSummary | JoinedSpine;

/** Opens the project here. */
function writeHere(call: Call, path: string, mode: ReadMode): Promise<Written> {
  return withHeadrace(call, async (headrace) => {
    const of = targetOf(headrace.project, call.words[0]);
    const run = runOf(call);
    return call.options['spine'] === undefined
      ? headrace.writeTrainingSet(modelOf(of), path, { ...spanOptions(call), mode, ...run })
      : headrace.writeTrainingSet(of, path, { spine: spineOptions(call), mode, ...run });
  });
}

/** In this process, from the history that the server that has the environment open has published: all that it has taken until now. */
async function writeBeside(call: Call, server: ServerLink, path: string, mode: ReadMode): Promise<Written> {
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

function askedOf(call: Call, of: ModelData | FeatureServiceData, path: string, mode: ReadMode): AskedTrainingSet {
  if (call.options['spine'] !== undefined) {
    const service = of.kind === 'model' ? of.service : of;
    return { kind: 'spine', service: service.name, spine: spineOptions(call), path, mode };
  }
  const now = Date.now();
  const model = modelOf(of);
  return { kind: 'model', model: model.name, between: trainingSpan(model, spanOptions(call), now), now, path, mode };
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

function spanOptions({ options }: Call): { readonly from?: number; readonly to?: number } {
  const from = instantOption('from', options['from']);
  const to = instantOption('to', options['to']);
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function spineOptions({ options }: Call) {
  const format = choiceOption('format', options['format'], FORMATS);
  return {
    path: resolve(String(options['spine'])),
    columns: pairsOption('columns', options['columns']),
    ...(format === undefined ? {} : { format }),
    ...(options['time'] === undefined ? {} : { time: String(options['time']) }),
  };
}
