import { resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { ModelData, ProjectData } from '../../features/define/declaration.ts';
import type { ScoreFormat } from '../../ports/score-files.ts';
import { type VersionAddress, versionAddress } from '../../registry/version-address.ts';
import { progressText, spacedProgress } from '../../serving/batch/batch-progress.ts';
import { isRemote } from '../../serving/batch/remote-side.ts';
import { shadowText } from '../../serving/batch/shadow-text.ts';
import type { BatchOptions } from '../../serving/batch/start-batch.ts';
import type { BatchAnswer } from '../batch-beside.ts';
import { type Call, type Command, unfinished } from '../command.ts';
import { followJob } from '../follow-job.ts';
import { loadConfig } from '../load-config.ts';
import { choiceOption, pairsOption, wholeOption } from '../parse-option.ts';
import { type Progress, withProgress } from '../progress.ts';
import { type ServerLink, serverOf, serverOption, serverOptionHelp } from '../server-link.ts';
import { withHeadrace } from '../with-headrace.ts';

const FORMATS = ['parquet', 'csv', 'tsv', 'jsonl'] as const satisfies readonly ScoreFormat[];
const MOST_WORKERS = 64;

export const predict: Command = {
  name: ['predict'],
  stop: [unfinished('JOB_CANCELLED')],
  summary: 'scores every row of files in worker processes; the same call again resumes',
  words: '<model | models:/name/version> [file, folder or pattern]…',
  arity: [1, Number.POSITIVE_INFINITY],
  options: {
    from: { type: 'string' },
    to: { type: 'string' },
    out: { type: 'string' },
    'out-format': { type: 'string' },
    'partition-by': { type: 'string' },
    overwrite: { type: 'boolean' },
    outputs: { type: 'string' },
    registry: { type: 'string' },
    format: { type: 'string' },
    version: { type: 'string' },
    shadow: { type: 'string' },
    spine: { type: 'boolean' },
    mode: { type: 'string' },
    time: { type: 'string' },
    columns: { type: 'string' },
    inputs: { type: 'string' },
    keep: { type: 'string' },
    workers: { type: 'string' },
    'most-errors': { type: 'string' },
    replace: { type: 'boolean' },
    engine: { type: 'boolean' },
    ...serverOption,
  },
  help: {
    from: 'file of the rows in place of the words, also s3://bucket/key: Parquet, CSV or TSV with a header, JSON lines',
    to: 'folder of the output, also s3://bucket/prefix: Parquet files that _MANIFEST.json lists when all rows are scored',
    out: 'folder of the output in place of --to: it appears whole, and pandas, Spark and DuckDB read it as it is',
    'out-format': 'of --out: parquet, csv or jsonl (parquet)',
    'partition-by': 'of --out: column whose values name folders: country=fr',
    overwrite: 'of --out: replace the data set of another job',
    outputs: 'outputs of the version to write by name: a,b,… (of models:/…: all; of a declared model: one score a row)',
    registry: 'of models:/…: folder of the environment with the registry (that of the configuration, or .headrace)',
    format: 'parquet, csv, tsv or jsonl (by the name of the file)',
    version: 'version of the model (the champion)',
    shadow: 'version that scores the rows too, next to the result; none: no version (the candidate of a rollout)',
    spine: 'the rows are requests: each gets the features of its instant first',
    mode: 'of a spine: corrected: all accepted events; as-known: only events that had arrived at each instant (corrected)',
    time: 'of a spine: column of the instant (_at)',
    columns: 'of a spine: columns with another name: request=column,…',
    inputs: 'columns of the input that the model reads, in the order of its features: a,b,… (those of their names)',
    keep: 'columns of the input that go into the output: a,b,… (those that are no features)',
    workers: 'worker processes (one a core)',
    'most-errors': 'share of the rows that may be rejected (0.01)',
    engine: 'score by Spark, the engine of offline.engine, instead of worker processes here',
    replace: 'replace the output of another job in the folder',
    ...serverOptionHelp,
  },
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
};

async function scored(call: Call, progress: Progress): Promise<BatchAnswer> {
  const address = call.words[0].startsWith('models:') ? addressOf(call) : null;
  const server = address === null ? await serverOf(call) : null;
  const options = optionsOf(call);
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
  if (address !== null) return (await import('../predict-version.ts')).predictVersion(call, address, run);
  if (server === null)
    return withHeadrace(call, async (headrace) => {
      const { id, result, shadow } = await headrace.startBatch(headrace.model(call.words[0]), run);
      call.terminal.err(`headrace: job ${id}`);
      return { ...(await result), shadow: await shadow };
    });
  return call.options['server'] === undefined ? scoredBeside(call, server, run) : scoredThere(call, server);
}

/** Errors: CLI_VALUE, CLI_OPTION. */
function addressOf({ words: [word], options }: Call): VersionAddress {
  if (options['server'] !== undefined)
    throw fail('CLI_OPTION', { command: 'predict', reason: 'a version models:/… is scored here, not by a --server' });
  if (options['version'] !== undefined)
    throw fail('CLI_OPTION', {
      command: 'predict',
      reason: 'the address has the version, so --version has no meaning',
    });
  const address = versionAddress(word);
  if (address !== null && (address.version === null || /^[1-9]\d{0,14}$/.test(address.version))) return address;
  throw fail('CLI_VALUE', { option: 'model', value: word, wanted: 'models:/name/3 or models:/name@alias' });
}

/** In this process, while a server has the environment open. */
async function scoredBeside(call: Call, server: ServerLink, options: BatchOptions): Promise<BatchAnswer> {
  const { startBeside } = await import('../batch-beside.ts');
  const { project, environment } = await loadConfig(call);
  const flush = () => server.ask('POST', '/v1/admin/flush', {});
  const model = modelOf(project, call.words[0]);
  return startBeside({ project, environment, model, flush, onLine: call.terminal.err }, options);
}

/** As a job of a server on another machine, over files that are there. */
async function scoredThere(call: Call, server: ServerLink): Promise<BatchAnswer> {
  const { from, to, dataSet, outputs, ...options } = optionsOf(call, (path) => path);
  if (typeof from !== 'string' || dataSet !== undefined || outputs !== undefined)
    throw fail('CLI_OPTION', { command: 'predict', reason: 'a --server takes one file, --to, and no --outputs' });
  const asked = { kind: 'predict', model: call.words[0], from, to, ...options };
  return (await followJob(call, server, asked)) as BatchAnswer;
}

function modelOf({ models }: ProjectData, name: string): ModelData {
  const model = models.find((one) => one.name === name);
  if (model === undefined) throw fail('MODEL_UNKNOWN', { model: name, known: models.map((one) => one.name) });
  return model;
}

function optionsOf(call: Call, at: (path: string) => string = resolvedPath): BatchOptions {
  const { options } = call;
  const format = choiceOption('format', options['format'], FORMATS);
  const version = wholeOption('version', options['version'], 0, 1, Number.MAX_SAFE_INTEGER);
  const workers = wholeOption('workers', options['workers'], 0, 1, MOST_WORKERS);
  return {
    from: fromOf(call, at),
    ...toOf(call, at),
    ...(options['outputs'] === undefined ? {} : { outputs: String(options['outputs']).split(',').filter(Boolean) }),
    ...(format === undefined ? {} : { format }),
    ...(version === 0 ? {} : { version }),
    ...(options['shadow'] === undefined ? {} : { shadow: shadowOption(String(options['shadow'])) }),
    ...(workers === 0 ? {} : { workers }),
    ...(options['keep'] === undefined ? {} : { keep: String(options['keep']).split(',').filter(Boolean) }),
    ...(options['inputs'] === undefined ? {} : { inputs: String(options['inputs']).split(',').filter(Boolean) }),
    ...(options['most-errors'] === undefined ? {} : { mostErrors: shareOption(String(options['most-errors'])) }),
    ...(options['replace'] === true ? { replace: true } : {}),
    ...(options['engine'] === true ? { engine: true } : {}),
    ...(options['spine'] === true ? { spine: spineOf(options) } : {}),
  };
}

/** The words after the model, or --from. A pattern stays as it is written: names of folders are a part of it. */
function fromOf({ words, options }: Call, at: (path: string) => string): string | readonly string[] {
  const [, ...files] = words;
  const { from } = options;
  if (typeof from === 'string' && files.length === 0) return at(from);
  const reason = typeof from === 'string' ? '--from and files after the model are the same' : 'no file is named';
  if (typeof from === 'string' || files.length === 0) throw fail('CLI_OPTION', { command: 'predict', reason });
  return files.length === 1 ? files[0] : files;
}

function toOf({ options }: Call, at: (path: string) => string): Pick<BatchOptions, 'to' | 'dataSet'> {
  const { to, out, overwrite = false } = options;
  const refuse = (reason: string) => fail('CLI_OPTION', { command: 'predict', reason });
  if (typeof to === 'string' && typeof out === 'string') throw refuse('--to and --out are two forms of one output');
  if (typeof out === 'string') {
    const format = choiceOption('out-format', options['out-format'], ['parquet', 'csv', 'jsonl']) ?? 'parquet';
    const partitionBy = options['partition-by'] === undefined ? null : String(options['partition-by']);
    return { to: at(out), dataSet: { format, partitionBy, overwrite: overwrite === true } };
  }
  if (typeof to !== 'string') throw refuse('--to or --out is missing');
  const lost = ['out-format', 'partition-by', 'overwrite'].find((name) => options[name] !== undefined);
  if (lost !== undefined) throw refuse(`--${lost} is of --out`);
  return { to: at(to) };
}

function resolvedPath(path: string): string {
  return isRemote(path) ? path : resolve(path);
}

function spineOf(options: Call['options']): NonNullable<BatchOptions['spine']> {
  const mode = choiceOption('mode', options['mode'], ['corrected', 'as-known']) ?? 'corrected';
  const columns = pairsOption('columns', options['columns']);
  return { mode, columns, ...(options['time'] === undefined ? {} : { time: String(options['time']) }) };
}

function shadowOption(value: string): number | 'none' {
  return value === 'none' ? value : wholeOption('shadow', value, 0, 1, Number.MAX_SAFE_INTEGER);
}

function shareOption(value: string): number {
  const share = Number(value);
  if (value.trim() === '' || !(share >= 0 && share <= 1))
    throw fail('CLI_VALUE', { option: 'most-errors', value, wanted: 'a share from 0 to 1' });
  return share;
}
