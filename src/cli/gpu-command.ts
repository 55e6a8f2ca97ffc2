import { readdir, stat, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { fail, isHeadraceError } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import { compareText } from '../base/text-order.ts';
import { devicePeaks, knownDevices } from '../gpu/analysis/operators/device-peaks.ts';
import { type Comparison, compareTraces } from '../gpu/compare.ts';
import { type DiagnoseOptions, diagnose, type Refusal } from '../gpu/diagnose.ts';
import type { Diagnosis } from '../gpu/diagnosis.ts';
import { type Cause, causes } from '../gpu/finding.ts';
import { readSource } from '../gpu/readers/read-source.ts';
import { jsonText } from '../gpu/report/json.ts';
import { markdownReport } from '../gpu/report/markdown.ts';
import { terminalReport } from '../gpu/report/terminal.ts';
import { percent } from '../gpu/rules/rule.ts';
import { htaScope } from '../gpu/scopes/hta.ts';
import { nsysAiNumbers } from '../gpu/scopes/nsys-ai.ts';
import { type Scope, type ScopedNumber, scopes } from '../gpu/scopes/scope.ts';
import { tbPluginNumbers } from '../gpu/scopes/tb-plugin.ts';
import { traceLensNumbers } from '../gpu/scopes/trace-lens.ts';
import type { Source } from '../gpu/source.ts';
import type { Trace } from '../gpu/trace/trace.ts';
import { dmonCommand, watchDcgm, watchDmon } from '../gpu/watch.ts';

/** Where `headrace gpu` writes, and when it ends. */
export interface GpuIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly clock: () => number;
  /** Resolves when the user asks to stop; for `watch`. */
  readonly stopped: Promise<void>;
}

const usage = `headrace gpu diagnose FILE|FOLDER…  what limits the GPUs, from traces, counters and records
  --json            one JSON object (docs/reference/gpu-diagnosis.md)
  --markdown        as Markdown
  --html PATH       also write one self-contained HTML file
  --all             every line of evidence, and the levels of the investigation
  --device NAME     the GPU of traces that do not name theirs: ${knownDevices.join(', ')}
  --scope SCOPE     numbers of the traces (also with --json) as ${scopes.join(', ')} define them
headrace gpu compare BEFORE AFTER  two traces of the same hardware
headrace gpu explain CAUSE   ${causes.join(', ')}
headrace gpu watch           a rolling decomposition, from nvidia-smi dmon or a DCGM exporter
  --dcgm URL        scrape this exporter instead of running nvidia-smi
  --window N        samples that are kept (600)
  --every N         samples between lines, or seconds between scrapes (10)
  --count N         scrapes before it ends
  -- COMMAND …      run this instead of ${dmonCommand.join(' ')}
`;

/** Runs `headrace gpu …`; the exit code, or an error of the catalogue. Errors: GPU_CALL and those of the files. */
export async function runGpuCommand(args: readonly string[], io: GpuIo): Promise<number> {
  const [name, ...rest] = args;
  const own = rest.slice(0, rest.includes('--') ? rest.indexOf('--') : undefined);
  if (own.includes('--help') || own.includes('-h')) {
    io.out(usage);
    return 0;
  }
  switch (name) {
    case 'diagnose':
      return await runDiagnose(rest, io);
    case 'compare':
      return await runCompare(rest, io);
    case 'explain':
      return await runExplain(rest, io);
    case 'watch':
      return await runWatch(rest, io);
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      io.out(usage);
      return 0;
    default:
      throw fail('GPU_CALL', { reason: `there is no command ${name}` });
  }
}

async function runDiagnose(args: readonly string[], io: GpuIo): Promise<number> {
  const { values, positionals } = parsed(args, {
    json: { type: 'boolean' },
    markdown: { type: 'boolean' },
    html: { type: 'string' },
    all: { type: 'boolean' },
    scope: { type: 'string' },
    device: { type: 'string' },
  });
  if (positionals.length === 0) throw fail('GPU_CALL', { reason: 'diagnose needs at least one file' });
  const scope = typeof values['scope'] === 'string' ? scopeOf(values['scope']) : undefined;
  const { sources, refused } = await readAll(await filesOf(positionals));
  if (scope !== undefined) {
    const report = scopeReport(sources, scope);
    io.out(values['json'] === true ? jsonText(report) : scopeText(report));
    return 0;
  }
  const diagnosis = diagnose(sources, refused, deviceOf(values['device']));
  if (typeof values['html'] === 'string') await writeHtml(values['html'], diagnosis);
  if (values['json'] === true) io.out(jsonText(diagnosis));
  else if (values['markdown'] === true) io.out(markdownReport(diagnosis));
  else io.out(terminalReport(diagnosis, values['all'] === true));
  return 0;
}

function deviceOf(name: unknown): DiagnoseOptions {
  if (typeof name !== 'string') return {};
  if (devicePeaks(name) === undefined)
    throw fail('GPU_CALL', { reason: `the peaks of ${name} are not known; known are ${knownDevices.join(', ')}` });
  return { device: name };
}

async function writeHtml(path: string, diagnosis: Diagnosis): Promise<void> {
  const { htmlReport } = await import('../gpu/report/html.ts');
  await writeFile(path, htmlReport(diagnosis));
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
      throw fail('GPU_CALL', {
        reason: `the folder ${path} holds ${inside.length} files: name those that are captures`,
      });
    files.push(...inside.sort(compareText));
  }
  return files;
}

/** Reads what can be read; one file alone that cannot be is an error. */
async function readAll(paths: readonly string[]): Promise<{ sources: readonly Source[]; refused: readonly Refusal[] }> {
  const sources: Source[] = [];
  const refused: Refusal[] = [];
  for (const path of paths) {
    try {
      sources.push(await readSource(path));
    } catch (error) {
      if (!isHeadraceError(error) || paths.length === 1) throw error;
      refused.push({ path, code: error.code, message: error.message });
    }
  }
  if (sources.length === 0) throw fail('GPU_NO_DATA', { reason: `${refused.length} files, none of which can be read` });
  return { sources, refused };
}

async function runCompare(args: readonly string[], io: GpuIo): Promise<number> {
  const { values, positionals } = parsed(args, { json: { type: 'boolean' } });
  if (positionals.length !== 2) throw fail('GPU_CALL', { reason: 'compare needs two traces: before and after' });
  const [before, after] = await Promise.all(positionals.map(traceAt));
  if (before === undefined || after === undefined) throw fail('GPU_CALL', { reason: 'compare needs two traces' });
  const comparison = compareTraces(before, after);
  if (values['json'] === true) io.out(jsonText(comparison));
  else {
    const lines = comparison.changes.map(
      ({ what, before: from, after: to, change }) =>
        `  ${what}: ${(from / 1000).toFixed(1)} → ${(to / 1000).toFixed(1)} ms (${change > 0 ? '+' : ''}${percent(change)} %)`,
    );
    io.out(`${comparison.verdict}: ${comparison.summary}\n${[...lines, ...causeLines(comparison)].join('\n')}\n`);
  }
  return 0;
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

async function runExplain(args: readonly string[], io: GpuIo): Promise<number> {
  const { explanationText } = await import('../gpu/explain.ts');
  const cause = causes.find((known) => known === args[0]);
  if (cause === undefined) throw fail('GPU_CALL', { reason: `explain needs a cause: ${causes.join(', ')}` });
  io.out(explanationText(cause satisfies Cause));
  return 0;
}

async function runWatch(args: readonly string[], io: GpuIo): Promise<number> {
  const split = args.indexOf('--');
  const command = split < 0 ? dmonCommand : args.slice(split + 1);
  const { values } = parsed(split < 0 ? args : args.slice(0, split), {
    dcgm: { type: 'string' },
    window: { type: 'string' },
    every: { type: 'string' },
    count: { type: 'string' },
  });
  const window = wholeNumber(values['window'], 'window', 600);
  const every = wholeNumber(values['every'], 'every', 10);
  const print = (line: string) => io.out(`${line}\n`);
  if (typeof values['dcgm'] === 'string') {
    const scrapes = values['count'] === undefined ? Number.POSITIVE_INFINITY : wholeNumber(values['count'], 'count', 1);
    await watchDcgm({ url: values['dcgm'], everyMs: every * 1000, window, scrapes }, print, io.stopped, io.clock);
  } else await watchDmon({ command, window, every }, print, io.stopped);
  return 0;
}

function wholeNumber(value: unknown, name: string, other: number): number {
  if (value === undefined) return other;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1)
    throw fail('GPU_CALL', { reason: `--${name} is no whole number from 1` });
  return number;
}

function scopeOf(text: string): Scope {
  const scope = scopes.find((known) => known === text);
  if (scope === undefined) throw fail('GPU_CALL', { reason: `--scope is one of ${scopes.join(', ')}` });
  return scope;
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

function parsed(args: readonly string[], options: NonNullable<Parameters<typeof parseArgs>[0]>['options']) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: options ?? {},
      allowPositionals: true,
      strict: true,
    });
    return { values: values as Readonly<Record<string, unknown>>, positionals };
  } catch (error) {
    throw fail('GPU_CALL', { reason: reasonOf(error).split('. ')[0] ?? '' }, error);
  }
}
