import { setImmediate } from 'node:timers/promises';
import { type FilesReport, ingestFiles } from '../../featurestore/ingest/ingest-files.ts';
import type { SpineFormat } from '../../featurestore/training-set/spine-file.ts';
import { insideOf } from '../../running/inside.ts';
import type { Call, Command } from '../command.ts';
import { choiceOption, pairsOption } from '../parse-option.ts';
import { type Progress, withProgress } from '../progress.ts';
import { withHeadrace } from '../with-headrace.ts';

const FORMATS = ['parquet', 'csv', 'tsv', 'jsonl'] as const satisfies readonly SpineFormat[];

/** Rows after which all stores are flushed. */
const FLUSH_EVERY = 200_000;

/** Rows between two progress lines. */
const TOLD_EVERY = 100_000;

export const ingest: Command = {
  name: ['ingest'],
  summary:
    'ingests files of events: Parquet, CSV or TSV with a header, JSON lines; resumes an earlier call that was interrupted',
  words: '<source> <file>…',
  arity: [2, 1_000],
  options: { columns: { type: 'string' }, format: { type: 'string' }, bootstrap: { type: 'boolean' } },
  help: {
    columns: 'columns with another name in the files: column=name,…',
    format: 'parquet, csv, tsv or jsonl (by the names of the files)',
    bootstrap: 'ingest the past: sorts events by time, and treats each as if it arrived at its event time',
  },
  run: (call) => withProgress(call, `ingest ${call.words[0]}`, runIngest),
};

async function runIngest(call: Call, progress: Progress): Promise<void> {
  const [name, ...paths] = call.words;
  const stopped = new AbortController();
  // From the first events on it ends after a batch, and says how far it is. Before, nothing is lost.
  const heed = once(() => void call.terminal.stopped.then(() => stopped.abort()));
  await withHeadrace(call, async (headrace) => {
    const source = headrace.source(name);
    const bootstrap = call.options['bootstrap'] === true;
    let told = 0;
    let total = 0;
    let waiting = 0;
    const report = await ingestFiles({
      source,
      offline: insideOf(headrace).stores.offline,
      directory: headrace.directory,
      signal: stopped.signal,
      files: {
        paths,
        byTime: bootstrap,
        columns: pairsOption('columns', call.options['columns']),
        format: choiceOption('format', call.options['format'], FORMATS) ?? null,
      },
      take: async (events) => {
        heed();
        const taken = await (bootstrap ? headrace.bootstrap(source, events) : headrace.ingest(source, events));
        // What waits for the history is in memory until then.
        waiting += events.length;
        if (waiting >= FLUSH_EVERY) {
          waiting = 0;
          await headrace.flush();
        }
        await setImmediate();
        return taken;
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
  });
}

/** Calls it the first time only. */
function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}

function say({ json, terminal }: Call, name: string, report: FilesReport): void {
  if (json) {
    terminal.out(JSON.stringify({ source: name, ...report }));
    return;
  }
  for (const { row, message } of report.errors) terminal.err(`headrace: row ${row}: ${message}`);
  const rest = report.whole ? '' : '; stopped: run the same command again to resume';
  terminal.out(`${name}: ${countsText(report)}${rest}`);
}

function countsText({ rows, accepted, duplicate, late, pending, refused, resumed }: FilesReport): string {
  const before = resumed === 0 ? '' : ` (${resumed} by an earlier call)`;
  const waiting = pending === 0 ? '' : `, ${pending} pending`;
  return `${rows} rows${before}: ${accepted} accepted, ${duplicate} duplicate, ${late} late${waiting}, ${refused} refused`;
}
