import { resolve } from 'node:path';
import { defined } from '../../base/defined.ts';
import { fail } from '../../base/errors/fail.ts';
import type { ModelData, ProjectData } from '../../features/define/declaration.ts';
import type { ScoreFormat } from '../../ports/score-files.ts';
import { type VersionAddress, versionAddress } from '../../registry/version-address.ts';
import { progressText, spacedProgress } from '../../serving/batch/batch-progress.ts';
import { isRemote } from '../../serving/batch/remote-side.ts';
import { shadowText } from '../../serving/batch/shadow-text.ts';
import type { BatchOptions } from '../../serving/batch/start-batch.ts';
import { type Call, command, unfinished } from '../command.ts';
import { followJob } from '../link/follow-job.ts';
import { type ServerLink, serverOf, serverOption } from '../link/server-link.ts';
import { loadConfig } from '../open/load-config.ts';
import { withHeadrace } from '../open/with-headrace.ts';
import { flag, option } from '../options/option.ts';
import { choice, column, file, folder, list, number, or, pairs, version, whole } from '../options/option-kinds.ts';
import type { BatchAnswer } from '../predict/batch-beside.ts';
import { type Progress, withProgress } from '../terminal/progress.ts';

const FORMATS = ['parquet', 'csv', 'tsv', 'jsonl'] as const satisfies readonly ScoreFormat[];
const MOST_WORKERS = 64;
const columns = list(column);

const options = {
  from: option(
    file,
    'file of the rows in place of the words, also s3://bucket/key: Parquet, CSV or TSV with a header, JSON lines',
  ),
  to: option(
    folder,
    'folder of the output, also s3://bucket/prefix: Parquet files that _MANIFEST.json lists when all rows are scored',
  ),
  out: option(
    folder,
    'folder of the output in place of --to: it appears whole, and pandas, Spark and DuckDB read it as it is',
  ),
  'out-format': option(choice(['parquet', 'csv', 'jsonl']), 'of --out: form of its files (parquet)'),
  'partition-by': option(column, 'of --out: column whose values name folders: country=fr'),
  overwrite: flag('of --out: replace the data set of another job'),
  outputs: option(
    columns,
    'outputs of the version to write by name: a,b,… (of models:/…: all; of a declared model: one score a row)',
  ),
  registry: option(
    folder,
    'of models:/…: folder of the environment with the registry (that of the configuration, or .headrace)',
  ),
  format: option(choice(FORMATS), 'form of the file (by its name)'),
  version: option(version, 'version of the model (the champion)'),
  shadow: option(
    or('none', version),
    'version that scores the rows too, next to the result; none: no version (the candidate of a rollout)',
  ),
  spine: flag('the rows are requests: each gets the features of its instant first'),
  mode: option(
    choice(['corrected', 'as-known']),
    'of a spine: all accepted events, or as-known: only events that had arrived at each instant',
    'corrected',
  ),
  time: option(column, 'of a spine: column of the instant (_at)'),
  columns: option(pairs, 'of a spine: columns with another name: request=column,…', {}),
  inputs: option(
    columns,
    'columns of the input that the model reads, in the order of its features: a,b,… (those of their names)',
  ),
  keep: option(columns, 'columns of the input that go into the output: a,b,… (those that are no features)'),
  workers: option(whole(1, MOST_WORKERS), 'worker processes (one a core)'),
  'most-errors': option(number(0, 1), 'share of the rows that may be rejected (0.01)'),
  replace: flag('replace the output of another job in the folder'),
  engine: flag('score by Spark, the engine of offline.engine, instead of worker processes here'),
  ...serverOption,
};

type Asked = Call<typeof options>;

export const predict = command({
  name: ['predict'],
  stop: [unfinished('JOB_CANCELLED')],
  summary: 'scores every row of files in worker processes; the same call again resumes',
  words: '<model | models:/name/version> [file, folder or pattern]…',
  arity: [1, Number.POSITIVE_INFINITY],
  options,
  run: (asked) =>
    withProgress(asked, `predict ${asked.words[0]}`, async (call, progress) => {
      const summary = await scored(call, progress);
      const { job, model, version, rows, quarantined, path, isNew, shadow } = summary;
      if (call.json) return call.terminal.out(JSON.stringify(summary));
      const what = isNew ? '' : ', which were there already';
      call.terminal.out(
        `${path}: ${rows - quarantined} rows scored by ${model} version ${version}, ${quarantined} in quarantine${what} (job ${job})`,
      );
      if (shadow !== null) call.terminal.out(shadowText(shadow));
    }),
});

async function scored(call: Asked, progress: Progress): Promise<BatchAnswer> {
  const address = call.words[0].startsWith('models:') ? addressOf(call) : null;
  const server = address === null ? await serverOf(call) : null;
  const options = jobOf(call);
  const stopped = new AbortController();
  call.terminal.stopped.then(() => stopped.abort());
  const printed = spacedProgress((now) => call.terminal.err(`headrace: ${progressText(now)}`));
  const run: BatchOptions = {
    ...options,
    signal: stopped.signal,
    onEngine: (text) => call.terminal.err(`headrace: ${text}`),
    onProgress: (now) => {
      progress.at(now.rows, now.total);
      printed(now);
    },
  };
  if (address !== null) return (await import('../predict/predict-version.ts')).predictVersion(call, address, run);
  if (server === null)
    return withHeadrace(call, async (headrace) => {
      const { id, result, shadow } = await headrace.startBatch(headrace.model(call.words[0]), run);
      call.terminal.err(`headrace: job ${id}`);
      return { ...(await result), shadow: await shadow };
    });
  return call.options.server === undefined ? scoredBeside(call, server, run) : scoredThere(call, server);
}

/** Errors: CLI_VALUE, CLI_OPTION. */
function addressOf({ words: [word], options: asked }: Asked): VersionAddress {
  if (asked.server !== undefined)
    throw fail('CLI_OPTION', { command: 'predict', reason: 'a version models:/… is scored here, not by a --server' });
  if (asked.version !== undefined)
    throw fail('CLI_OPTION', {
      command: 'predict',
      reason: 'the address has the version, so --version has no meaning',
    });
  const address = versionAddress(word);
  if (address !== null && (address.version === null || /^[1-9]\d{0,14}$/.test(address.version))) return address;
  throw fail('CLI_VALUE', { option: 'model', value: word, wanted: 'models:/name/3 or models:/name@alias' });
}

/** In this process, while a server has the environment open. */
async function scoredBeside(call: Asked, server: ServerLink, options: BatchOptions): Promise<BatchAnswer> {
  const { startBeside } = await import('../predict/batch-beside.ts');
  const { project, environment } = await loadConfig(call);
  const flush = () => server.ask('POST', '/v1/admin/flush', {});
  const model = modelOf(project, call.words[0]);
  return startBeside({ project, environment, model, flush, onLine: call.terminal.err }, options);
}

/** As a job of a server on another machine, over files that are there. */
async function scoredThere(call: Asked, server: ServerLink): Promise<BatchAnswer> {
  const { from, to, dataSet, outputs, ...job } = jobOf(call, (path) => path);
  if (typeof from !== 'string' || dataSet !== undefined || outputs !== undefined)
    throw fail('CLI_OPTION', { command: 'predict', reason: 'a --server takes one file, --to, and no --outputs' });
  const asked = { kind: 'predict', model: call.words[0], from, to, ...job };
  return (await followJob(call, server, asked)) as BatchAnswer;
}

function modelOf({ models }: ProjectData, name: string): ModelData {
  const model = models.find((one) => one.name === name);
  if (model === undefined) throw fail('MODEL_UNKNOWN', { model: name, known: models.map((one) => one.name) });
  return model;
}

function jobOf(call: Asked, at: (path: string) => string = resolvedPath): BatchOptions {
  const { outputs, format, version: number, shadow, workers, keep, inputs, ...asked } = call.options;
  return {
    from: fromOf(call, at),
    ...toOf(call, at),
    ...defined({ outputs, format, version: number, shadow, workers, keep, inputs, mostErrors: asked['most-errors'] }),
    ...(asked.replace ? { replace: true } : {}),
    ...(asked.engine ? { engine: true } : {}),
    ...(asked.spine ? { spine: { mode: asked.mode, columns: asked.columns, ...defined({ time: asked.time }) } } : {}),
  };
}

/** The words after the model, or --from. A pattern stays as it is written: names of folders are a part of it. */
function fromOf({ words, options: { from } }: Asked, at: (path: string) => string): string | readonly string[] {
  const [, ...files] = words;
  if (from !== undefined && files.length === 0) return at(from);
  const reason = from !== undefined ? '--from and files after the model are the same' : 'no file is named';
  if (from !== undefined || files.length === 0) throw fail('CLI_OPTION', { command: 'predict', reason });
  return files.length === 1 ? files[0] : files;
}

function toOf({ options: asked }: Asked, at: (path: string) => string): Pick<BatchOptions, 'to' | 'dataSet'> {
  const { to, out, 'out-format': format, 'partition-by': partitionBy, overwrite } = asked;
  const refuse = (reason: string) => fail('CLI_OPTION', { command: 'predict', reason });
  if (to !== undefined && out !== undefined) throw refuse('--to and --out are two forms of one output');
  if (out !== undefined)
    return { to: at(out), dataSet: { format: format ?? 'parquet', partitionBy: partitionBy ?? null, overwrite } };
  if (to === undefined) throw refuse('--to or --out is missing');
  const lost = Object.entries({ 'out-format': format, 'partition-by': partitionBy, overwrite: overwrite || undefined });
  for (const [name, value] of lost) if (value !== undefined) throw refuse(`--${name} is of --out`);
  return { to: at(to) };
}

function resolvedPath(path: string): string {
  return isRemote(path) ? path : resolve(path);
}
