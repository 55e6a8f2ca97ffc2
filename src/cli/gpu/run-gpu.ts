import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { compareText } from '../../base/text-order.ts';
import { type Comparison, compareTraces } from '../../gpu/compare.ts';
import { diagnoseFiles, readSources } from '../../gpu/diagnose-files.ts';
import type { Cause } from '../../gpu/finding.ts';
import { readSource } from '../../gpu/readers/read-source.ts';
import { jsonText } from '../../gpu/report/json.ts';
import { markdownReport } from '../../gpu/report/markdown.ts';
import { terminalReport } from '../../gpu/report/terminal.ts';
import { percent } from '../../gpu/rules/rule.ts';
import { htaScope } from '../../gpu/scopes/hta.ts';
import { nsysAiNumbers } from '../../gpu/scopes/nsys-ai.ts';
import type { Scope, ScopedNumber } from '../../gpu/scopes/scope.ts';
import { tbPluginNumbers } from '../../gpu/scopes/tb-plugin.ts';
import { traceLensNumbers } from '../../gpu/scopes/trace-lens.ts';
import type { Source } from '../../gpu/source.ts';
import type { Trace } from '../../gpu/trace/trace.ts';
import { dmonCommand, watchDcgm, watchDmon } from '../../gpu/watch.ts';
import type { Call } from '../command.ts';
import { writeReport } from '../report/write-report.ts';
import type { diagnoseOptions, watchOptions } from './gpu-options.ts';

type DiagnoseCall = Call<typeof diagnoseOptions>;

/** Diagnoses the files of a call. Errors: CLI_VALUE, GPU_NO_DATA, those of the files. */
export async function runDiagnose({ words, options, json, terminal: { out } }: DiagnoseCall): Promise<void> {
  const { scope, device, html, markdown, all } = options;
  const files = await filesOf(words);
  if (scope !== undefined) {
    const report = scopeReport((await readSources(files)).sources, scope);
    return out(json ? jsonText(report) : scopeText(report));
  }
  const diagnosis = await diagnoseFiles(files, device === undefined ? {} : { device });
  writeReport(html, 'gpu', () => jsonText(diagnosis));
  if (json) out(jsonText(diagnosis));
  else if (markdown) out(markdownReport(diagnosis));
  else out(terminalReport(diagnosis, all));
}

/** More files than this in a folder are not a set of captures. */
const MOST_FILES = 10_000;

/** The files that are named, and those in folders that are named, in order; hidden ones are left out. */
async function filesOf(paths: readonly string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() !== true) {
      files.push(path);
      continue;
    }
    const inside = (await readdir(path, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile() || entry.isSymbolicLink())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter(
        (file) =>
          !relative(path, file)
            .split(sep)
            .some((part) => part.startsWith('.')),
      );
    if (inside.length === 0) throw fail('GPU_NO_DATA', { reason: `the folder ${path} holds no file` });
    if (inside.length > MOST_FILES)
      throw fail('CLI_VALUE', {
        option: 'folder',
        value: path,
        wanted: `at most ${MOST_FILES} files: name the captures`,
      });
    files.push(...inside.sort(compareText));
  }
  return files;
}

/** Compares the two traces of a call. Errors: GPU_NOT_COMPARABLE, those of the files. */
export async function runCompare({ words: [first = '', second = ''], json, terminal: { out } }: Call): Promise<void> {
  const [before, after] = await Promise.all([traceAt(first), traceAt(second)]);
  const comparison = compareTraces(before, after);
  if (json) return out(jsonText(comparison));
  const lines = comparison.changes.map(
    ({ what, before: from, after: to, change }) =>
      `  ${what}: ${(from / 1000).toFixed(1)} → ${(to / 1000).toFixed(1)} ms (${change > 0 ? '+' : ''}${percent(change)} %)`,
  );
  out(`${comparison.verdict}: ${comparison.summary}\n${[...lines, ...causeLines(comparison)].join('\n')}\n`);
}

/** The causes that went, stay and came, in lines. */
function causeLines({ causes: all, gain }: Comparison): readonly string[] {
  return all.map(({ cause, change, before, after, ceiling }) => {
    const shares = `${percent(before)} % of the step before, ${percent(after)} % now`;
    const most = ceiling === null ? '' : ` at most ${ceiling.toFixed(2)}×`;
    if (change !== 'went') return `  ${change}: ${cause}, ${shares}${most === '' ? '' : `;${most} faster without it`}`;
    const gained = gain === null ? '' : `, ${gain.toFixed(2)}× was gained`;
    return `  went: ${cause}, ${shares}${most === '' ? '' : `;${most} was to be gained${gained}`}`;
  });
}

async function traceAt(path: string): Promise<{ path: string; trace: Trace }> {
  const source = await readSource(path);
  if (source.kind !== 'trace') throw fail('GPU_NOT_COMPARABLE', { reason: `${path} is no trace` });
  return source;
}

/** Explains a cause. */
export async function runExplain({ json, terminal: { out } }: Call, cause: Cause): Promise<void> {
  const { explanationText } = await import('../../gpu/explain.ts');
  const text = explanationText(cause);
  out(json ? JSON.stringify({ cause, text }) : text);
}

/** Watches a program, or an exporter, until the call is asked to stop. */
export async function runWatch({ words, options, terminal }: Call<typeof watchOptions>): Promise<void> {
  const { dcgm: url, window, every, count: scrapes = Number.POSITIVE_INFINITY } = options;
  const print = (line: string) => terminal.out(`${line}\n`);
  if (url !== undefined)
    return watchDcgm({ url, everyMs: every * 1000, window, scrapes }, print, terminal.stopped, Date.now);
  const command = words.length === 0 ? dmonCommand : words;
  await watchDmon({ command, window, every }, print, terminal.stopped);
}

const scopeNumbers: Readonly<Record<Scope, (trace: Trace) => readonly ScopedNumber[]>> = {
  tb_plugin: tbPluginNumbers,
  hta: htaScope,
  tracelens: traceLensNumbers,
  'nsys-ai': nsysAiNumbers,
};

/** The numbers of each trace as another tool defines them. */
interface ScopeReport {
  readonly scope: Scope;
  readonly traces: readonly { readonly file: string; readonly numbers: readonly ScopedNumber[] }[];
}

function scopeReport(sources: readonly Source[], scope: Scope): ScopeReport {
  const traces = sources.flatMap((source) =>
    source.kind === 'trace' ? [{ file: source.path, numbers: scopeNumbers[scope](source.trace) }] : [],
  );
  if (traces.length === 0) throw fail('GPU_NO_DATA', { reason: 'a scope needs a trace' });
  return { scope, traces };
}

function scopeText({ traces }: ScopeReport): string {
  const lines = traces.flatMap(({ file, numbers }) => [
    file,
    ...numbers.map(({ name, value, unit }) =>
      `  ${name}: ${value === null ? 'none' : Number(value.toFixed(3))} ${unit}`.trimEnd(),
    ),
  ]);
  return `${lines.join('\n')}\n`;
}
