import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fail } from '../../base/errors/fail.ts';
import {
  type FilesReport,
  type IngestFilesOptions,
  ingestFiles,
  takenRows,
} from '../../featurestore/ingest/ingest-files.ts';
import { localPaths } from '../../featurestore/ingest/remote-paths.ts';
import type { SpineFormat } from '../../featurestore/training-set/spine-file.ts';
import { insideOf } from '../../running/inside.ts';
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
  words: '<source> <file>…',
  arity: [2, 1_000],
  options,
  run: (call) => withProgress(call, `ingest ${call.words[0]}`, runIngest),
});

async function runIngest(call: Asked, progress: Progress): Promise<void> {
  const server = await serverOf(call);
  if (server === null) await ingestHere(call, progress);
  else await ingestThere(call, progress, server);
}

/** Opens the project here. */
async function ingestHere(call: Asked, progress: Progress): Promise<void> {
  await withHeadrace(call, async (headrace) => {
    const source = headrace.source(call.words[0]);
    let waiting = 0;
    await ingestTo(call, progress, {
      source,
      offline: insideOf(headrace).stores.offline,
      directory: headrace.directory,
      take: async (events) => {
        const taken = await (call.options.bootstrap
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
  });
}

/** Reads the files here and sends their events to the server that has the environment open. */
async function ingestThere(call: Asked, progress: Progress, server: ServerLink): Promise<void> {
  if (call.options.bootstrap)
    throw fail('CLI_OPTION', {
      command: 'ingest',
      reason: `--bootstrap writes the past, and the server ${server.name} has the environment open: stop it first`,
    });
  const { openFileReader } = await import('../../site/file-reader.ts');
  const { project, environment } = await loadConfig(call);
  const [name] = call.words;
  const source = project.sources.find((one) => one.name === name);
  if (source === undefined) throw fail('EVENT_SOURCE', { source: name });
  const reader = await openFileReader();
  try {
    await ingestTo(call, progress, {
      source,
      offline: reader,
      directory: environment.directory,
      take: (events) => ingestThrough(server, source, events),
    });
  } finally {
    reader.close();
  }
}

/** Ingests the files of a call, with its progress and report. */
async function ingestTo(
  call: Asked,
  progress: Progress,
  target: Pick<IngestFilesOptions, 'source' | 'offline' | 'directory' | 'take'>,
): Promise<void> {
  const [name, ...named] = call.words;
  const files = await localPaths(named, {
    folder: join(target.directory, 'ingest', 'copies'),
    open: async () => (await import('../../site/file-reader.ts')).openRemoteFiles(),
    onCopy: ({ url, sizeBytes }) => call.terminal.err(`headrace: copies ${url}, ${sizeBytes} bytes`),
  });
  const stopped = new AbortController();
  // From the first events on it ends after a batch, and says how far it is. Before, nothing is lost.
  const heed = once(() => void call.terminal.stopped.then(() => stopped.abort()));
  let told = 0;
  let total = 0;
  const report = await ingestFiles({
    ...target,
    signal: stopped.signal,
    files: {
      paths: files.paths,
      byTime: call.options.bootstrap,
      columns: call.options.columns,
      format: call.options.format ?? null,
    },
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
  say(call, name, report);
  if (!report.whole) throw fail('INGEST_STOPPED', { source: name ?? '', rows: report.rows });
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
  if (json) {
    terminal.out(JSON.stringify({ source: name, ...report }));
    return;
  }
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
