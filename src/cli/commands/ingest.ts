import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fail } from '../../base/errors/fail.ts';
import type { Environment } from '../../environment/config.ts';
import type { EventSourceData, ProjectData } from '../../features/define/declaration.ts';
import type { EventFiles } from '../../featurestore/ingest/event-files.ts';
import { type IngestFilesOptions, ingestFiles, takenRows } from '../../featurestore/ingest/ingest-files.ts';
import type { FilesReport } from '../../featurestore/ingest/ingest-place.ts';
import { type LocalPaths, localPaths } from '../../featurestore/ingest/remote-paths.ts';
import type { SpineFormat } from '../../featurestore/training-set/spine-file.ts';
import type { Headrace } from '../../running/headrace.ts';
import { insideOf } from '../../running/inside.ts';
import type { FilesOfSource } from '../../site/load-past.ts';
import { type Call, command, unfinished } from '../command.ts';
import { ingestThrough } from '../link/ingest-through.ts';
import { type ServerLink, serverOf, serverOption } from '../link/server-link.ts';
import { loadConfig } from '../open/load-config.ts';
import { withHeadrace } from '../open/with-headrace.ts';
import { flag, option } from '../options/option.ts';
import { choice, pairs } from '../options/option-kinds.ts';
import { type Progress, withProgress } from '../terminal/progress.ts';

const FORMATS = ['parquet', 'csv', 'tsv', 'jsonl'] as const satisfies readonly SpineFormat[];

/** Rows after which all stores are flushed. */
const FLUSH_EVERY = 200_000;

/** Rows between two progress lines. */
const TOLD_EVERY = 100_000;

const options = {
  columns: option(pairs, 'columns with another name in the files: column=name,…', {}),
  format: option(choice(FORMATS), 'form of the files (by their names)'),
  bootstrap: flag('ingest the past: sorts events by time, and treats each as if it arrived at its event time'),
  ...serverOption,
};

type Asked = Call<typeof options>;

export const ingest = command({
  name: ['ingest'],
  stop: [unfinished('INGEST_STOPPED')],
  summary:
    'ingests files of events, also from S3: Parquet, CSV or TSV with a header, JSON lines; resumes an earlier call that was interrupted',
  words: '<source> <file>… | <source>=<file>…',
  arity: [1, 1_000],
  options,
  run: (call) => withProgress(call, `ingest ${call.words[0]}`, runIngest),
});

/** A source and the files of its events. */
interface Given {
  readonly name: string;
  readonly files: readonly string[];
}

async function runIngest(call: Asked, progress: Progress): Promise<void> {
  const given = givenBy(call.words);
  const asked: Ingest = { call, progress, reports: [] };
  const server = await serverOf(call);
  try {
    if (server === null) await ingestHere(asked, given);
    else await ingestThere(asked, server, given);
  } finally {
    const [first] = asked.reports;
    const isList = call.words[0]?.includes('=') === true;
    if (call.json && first !== undefined)
      call.terminal.out(JSON.stringify(isList ? { sources: asked.reports } : first));
  }
}

/** A call at work, and the report of each source so far. */
interface Ingest {
  readonly call: Asked;
  readonly progress: Progress;
  readonly reports: object[];
}

/** `visits a.csv b.csv`, or `visits=a.csv purchases=b.csv`: the name of a source has no `=`. */
function givenBy(words: readonly string[]): readonly Given[] {
  const [first = '', ...files] = words;
  if (!first.includes('=')) {
    if (files.length === 0) throw fail('CLI_WORDS', { usage: 'headrace ingest <source> <file>…' });
    return [{ name: first, files }];
  }
  const bySource = new Map<string, string[]>();
  for (const word of words) {
    const [name = '', ...rest] = word.split('=');
    const file = rest.join('=');
    if (name === '' || file === '') throw fail('CLI_WORDS', { usage: 'headrace ingest <source>=<file>…' });
    bySource.set(name, [...(bySource.get(name) ?? []), file]);
  }
  return [...bySource].map(([name, of]) => ({ name, files: of }));
}

/** Opens the project here, once the events of the past that need not go through the log are in the history. */
async function ingestHere(asked: Ingest, given: readonly Given[]): Promise<void> {
  const { project, environment } = await loadConfig(asked.call);
  // An unknown source is refused before any event is taken.
  const sources = given.map(({ name, files }) => ({ source: sourceOf(project, name), named: files }));
  const loaded = asked.call.options.bootstrap ? await loadPasts(asked, { project, environment }, sources) : new Map();
  await withHeadrace(asked.call, async (headrace) => {
    for (const one of sources) await ingestOne(asked, headrace, { ...one, loaded: loaded.get(one.source) ?? 0 });
  });
}

function sourceOf({ sources }: ProjectData, name: string): EventSourceData {
  const source = sources.find((one) => one.name === name);
  if (source === undefined) throw fail('EVENT_SOURCE', { source: name });
  return source;
}

/** By source, the rows that are in the history before the project is opened. */
async function loadPasts(
  { call }: Ingest,
  { project, environment }: { readonly project: ProjectData; readonly environment: Environment },
  sources: readonly Pick<Target, 'source' | 'named'>[],
): Promise<ReadonlyMap<EventSourceData, number>> {
  const { loadEnvironmentPast } = await import('../../site/load-past.ts');
  const given: FilesOfSource[] = [];
  for (const { source, named } of sources) {
    const { paths } = await localFiles(call, environment.directory, named);
    given.push({ source, files: eventFiles(call, paths) });
  }
  return loadEnvironmentPast(project, environment, given);
}

async function ingestOne(
  asked: Ingest,
  headrace: Headrace,
  { source, named, loaded }: Pick<Target, 'source' | 'named' | 'loaded'>,
): Promise<void> {
  let waiting = 0;
  await ingestTo(asked, {
    source,
    named,
    loaded,
    offline: insideOf(headrace).stores.offline,
    directory: headrace.directory,
    take: async (events) => {
      const taken = await (asked.call.options.bootstrap
        ? headrace.bootstrap(source, events)
        : headrace.ingest(source, events));
      // Events that wait for the history are in memory until then.
      waiting += events.length;
      if (waiting >= FLUSH_EVERY) {
        waiting = 0;
        await headrace.flush();
      }
      await setImmediate();
      return takenRows(taken);
    },
  });
}

/** Reads the files here and sends their events to the server that has the environment open. */
async function ingestThere(asked: Ingest, server: ServerLink, given: readonly Given[]): Promise<void> {
  const { call } = asked;
  if (call.options.bootstrap)
    throw fail('CLI_OPTION', {
      command: 'ingest',
      reason: `--bootstrap writes the past, and the server ${server.name} has the environment open: stop it first`,
    });
  const { openFileReader } = await import('../../site/file-reader.ts');
  const { project, environment } = await loadConfig(call);
  const sources = given.map(({ name, files }) => ({ source: sourceOf(project, name), named: files }));
  const reader = await openFileReader();
  try {
    for (const { source, named } of sources)
      await ingestTo(asked, {
        source,
        named,
        loaded: 0,
        offline: reader,
        directory: environment.directory,
        take: (events) => ingestThrough(server, source, events),
      });
  } finally {
    reader.close();
  }
}

type Target = Pick<IngestFilesOptions, 'source' | 'offline' | 'directory' | 'take'> & {
  /** The files, as the call names them. */
  readonly named: readonly string[];
  /** Rows that this call has put into the history before. */
  readonly loaded: number;
};

/** Files of a call, on this machine. */
function localFiles({ terminal }: Asked, directory: string, named: readonly string[]): Promise<LocalPaths> {
  return localPaths(named, {
    folder: join(directory, 'ingest', 'copies'),
    open: async () => (await import('../../site/file-reader.ts')).openRemoteFiles(),
    onCopy: ({ url, sizeBytes }) => terminal.err(`headrace: copies ${url}, ${sizeBytes} bytes`),
  });
}

function eventFiles({ options: { bootstrap, columns, format } }: Asked, paths: readonly string[]): EventFiles {
  return { paths, byTime: bootstrap, columns, format: format ?? null };
}

/** Ingests the files of one source, with its progress and report. */
async function ingestTo({ call, progress, reports }: Ingest, { named, ...target }: Target): Promise<void> {
  const { name } = target.source;
  const files = await localFiles(call, target.directory, named);
  const stopped = new AbortController();
  // From the first events on it ends after a batch, and says how far it is. Before, nothing is lost.
  const heed = once(() => void call.terminal.stopped.then(() => stopped.abort()));
  let told = 0;
  let total = 0;
  const report = await ingestFiles({
    ...target,
    signal: stopped.signal,
    files: eventFiles(call, files.paths),
    take: (events) => {
      heed();
      return target.take(events);
    },
    ...(progress.shown
      ? {
          onTotal: (rows: number) => {
            total = rows;
          },
        }
      : {}),
    onProgress: (so) => {
      progress.at(so.rows, total);
      if (progress.shown || so.rows - told < TOLD_EVERY) return;
      told = so.rows;
      call.terminal.err(`headrace: ${countsText(so)}`);
    },
  });
  reports.push({ source: name, ...report });
  say(call, name, report);
  if (!report.whole) throw fail('INGEST_STOPPED', { source: name, rows: report.rows });
  files.remove();
}

/** Calls it the first time only. */
function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}

function say({ json, terminal, options: { bootstrap } }: Asked, name: string, report: FilesReport): void {
  if (!bootstrap && allLate(report)) terminal.err(LATE_HINT);
  if (json) return;
  for (const { row, message } of report.errors) terminal.err(`headrace: row ${row}: ${message}`);
  const rest = report.whole ? '' : '; stopped: run the same command again to resume';
  terminal.out(`${name}: ${countsText(report)}${rest}`);
}

/** Whether a reader of the counts may think that the events are in the features: none is. */
function allLate({ late, accepted, pending }: FilesReport): boolean {
  return late > 0 && accepted === 0 && pending === 0;
}

const LATE_HINT =
  'headrace: every event is later than its source allows, and counts in no feature; ingest the past with --bootstrap';

function countsText({ rows, accepted, duplicate, late, pending, refused, resumed }: FilesReport): string {
  const before = resumed === 0 ? '' : ` (${resumed} by an earlier call)`;
  const waiting = pending === 0 ? '' : `, ${pending} pending`;
  return `${rows} rows${before}: ${accepted} accepted, ${duplicate} duplicate, ${late} late${waiting}, ${refused} refused`;
}
