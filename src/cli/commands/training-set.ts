import { resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { FeatureServiceData, ModelData } from '../../features/define/declaration.ts';
import type { SpineFormat } from '../../featurestore/training-set/spine-file.ts';
import type { Headrace } from '../../headrace.ts';
import type { Call, Command } from '../command.ts';
import { choiceOption, instantOption, pairsOption } from '../parse-option.ts';
import { withHeadrace } from '../with-headrace.ts';

const FORMATS = ['parquet', 'csv', 'tsv', 'jsonl'] as const satisfies readonly SpineFormat[];

export const trainingSet: Command = {
  name: ['training-set'],
  summary: 'writes rows with the features as of their instants as Parquet: of a model, or of a file of one’s own',
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
    spine: 'file of the rows: Parquet, CSV or TSV with a header, JSON lines; the model’s own without it',
    out: 'the Parquet file to write (training-set.parquet)',
    mode: 'corrected: all accepted events; as-known: only what had arrived at each instant (corrected)',
    time: 'column of the instant in the spine (_at)',
    columns: 'columns of the spine under other names: request=column,…',
    format: 'parquet, csv, tsv or jsonl, where the name of the spine does not say it',
    from: 'first instant of a model’s own rows: epoch ms or a UTC date',
    to: 'end of a model’s own rows, exclusive (where labels have had their time: now less the label’s within)',
  },
  async run(call) {
    const path = resolve(String(call.options['out'] ?? 'training-set.parquet'));
    const mode = choiceOption('mode', call.options['mode'], ['corrected', 'as-known']) ?? 'corrected';
    await withHeadrace(call, async (headrace) => {
      const of = targetOf(headrace, call.words[0]);
      const onLine = (text: string) => call.terminal.err(`headrace: ${text}`);
      const written =
        call.options['spine'] === undefined
          ? await headrace.writeTrainingSet(modelOf(of), path, { ...spanOptions(call), mode, onLine })
          : await headrace.writeTrainingSet(of, path, { spine: spineOptions(call), mode, onLine });
      const { rows, ...rest } = written;
      const left =
        'nullKeys' in rest ? `${rest.nullKeys} without an entity` : `${rest.unlabelled} left out without a label`;
      call.terminal.out(call.json ? JSON.stringify({ ...written, mode }) : `${path}: ${rows} rows, ${left}`);
    });
  },
};

function targetOf(headrace: Headrace, name: string): ModelData | FeatureServiceData {
  return headrace.project.models.find((model) => model.name === name) ?? headrace.service(name);
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
