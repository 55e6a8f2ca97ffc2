import { describe, expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { kernelVerdict } from '../../src/gpu/analysis/ncu-verdict.ts';
import { jobFacts, podFacts } from '../../src/gpu/analysis/occupancy.ts';
import { processUse } from '../../src/gpu/analysis/process-use.ts';
import { meanOf, medianOf } from '../../src/gpu/analysis/statistics.ts';
import { findStragglers } from '../../src/gpu/analysis/stragglers.ts';
import { utilisationOf } from '../../src/gpu/analysis/utilisation.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { parseText } from '../../src/gpu/readers/parse-text.ts';
import { markdownReport } from '../../src/gpu/report/markdown.ts';
import { terminalReport } from '../../src/gpu/report/terminal.ts';
import type { Source } from '../../src/gpu/source.ts';
import { type Fixture, fixtures, type Written } from './reader-fixtures.ts';

type Facts = Readonly<Record<string, number>>;

/** The numbers that a file gives, by name. */
function factsOf(source: Source): Facts {
  switch (source.kind) {
    case 'samples': {
      const { mean, meanPowerW, peakMemoryShare, smActive, dramActive, intervalMs } = utilisationOf(source.series);
      return { mean, meanPowerW, peakMemoryShare, smActive, dramActive, intervalMs };
    }
    case 'processes': {
      const [gpu] = processUse(source.rounds);
      return { sm: gpu?.smPercent ?? Number.NaN, memory: gpu?.processes[0]?.memoryMb ?? Number.NaN };
    }
    case 'dcgm':
      return Object.fromEntries(source.devices.flatMap(({ fields }) => [...fields]));
    case 'ncu': {
      const [kernel] = source.kernels;
      if (kernel === undefined) return {};
      const { smPercent, memoryPercent, durationNs, waves } = kernelVerdict(kernel);
      return { smPercent, memoryPercent, durationNs, waves };
    }
    case 'kernel-sums':
      return {
        totalNs: source.kernels.reduce((sum, { totalNs }) => sum + totalNs, 0) || Number.NaN,
        launches: source.kernels.reduce((sum, { instances }) => sum + instances, 0) || Number.NaN,
      };
    case 'jobs': {
      const { gpuHours, lostHours, queueMedianS, mostGpus } = jobFacts(source.jobs);
      return { gpuHours, lostHours, queueMedianS, mostGpus };
    }
    case 'pods': {
      const { neverScheduledWithGpu, mostGpus, meanGpus, gpuHours, queueMedianS } = podFacts(source.pods, undefined);
      return { neverScheduledWithGpu, mostGpus, meanGpus, gpuHours, queueMedianS };
    }
    case 'nodes':
      return { gpus: source.nodes.reduce((sum, { gpus }) => sum + gpus, 0) || Number.NaN };
    case 'iterations': {
      const { slowdown, workers } = findStragglers(source.workers);
      return workers.length < 2 ? {} : { slowdown, fastest: workers[0]?.median ?? Number.NaN };
    }
    case 'variation':
      return { median: medianOf(source.jobs.flatMap(({ values }) => values)) };
    case 'clusters': {
      const [one] = source.clusters;
      if (one === undefined) return {};
      const { completeGpuTime, cancelGpuTime, failGpuTime, meanQueueSeconds } = one;
      return { completeGpuTime, cancelGpuTime, failGpuTime, meanQueueSeconds };
    }
    case 'distribution':
      return { mean: meanOf(source.metrics.flatMap(({ values }) => values)) };
    case 'fabric':
      return { busbw: source.log.rows.at(-1)?.busbw ?? Number.NaN, average: source.log.averageBusbw ?? Number.NaN };
    case 'log':
      return {
        elapsedMs: medianOf(source.iterations.map(({ elapsedMs }) => elapsedMs)),
        batch: medianOf(source.iterations.map(({ globalBatch }) => globalBatch)),
      };
    case 'trace': {
      const { gpu, devices } = source.trace;
      const us = gpu.dur.subarray(0, gpu.length).reduce((sum, dur) => sum + dur, 0);
      return { events: gpu.length, meanUs: us / gpu.length, devices: devices.length };
    }
    default:
      return source satisfies never;
  }
}

interface Answer {
  readonly facts: Facts;
  readonly causes: ReadonlySet<string>;
  readonly healthy: boolean;
  readonly report: string;
}

/** The answer to a text; a coded error is that nothing is known. */
function answerTo({ kind, path = 'file' }: Fixture, text: string): Answer {
  try {
    const source = parseText(kind, path, text);
    const diagnosis = diagnose([source]);
    return {
      facts: factsOf(source),
      causes: new Set(diagnosis.findings.map(({ cause }) => cause)),
      healthy: diagnosis.verdict === 'healthy',
      report: [terminalReport(diagnosis, true), markdownReport(diagnosis)].join('\n'),
    };
  } catch (error) {
    if (!isHeadraceError(error)) throw error;
    return { facts: {}, causes: new Set(), healthy: false, report: '' };
  }
}

/** Each number of a damaged file is that of the whole one, or not known; nothing is found in it that the whole one does not show. */
function expectNothingInvented(
  fixture: Fixture,
  what: string,
  text: string,
  whole: Answer,
  also: readonly Answer[] = [],
): void {
  const { facts, causes, healthy, report } = answerTo(fixture, text);
  for (const [name, value] of Object.entries(facts)) {
    if (Number.isNaN(value)) continue;
    const right = [whole, ...also].map((one) => one.facts[name]);
    const close = right.some(
      (one) => one !== undefined && Math.abs(value - one) <= 1e-6 * Math.max(Math.abs(one), 1e-9),
    );
    expect(close, `${what}: ${name} is ${value}, not one of ${right.join(', ')}`).toBe(true);
  }
  expect(/\bNaN\b|undefined|Infinity/.exec(report)?.[0], `${what}: ${report}`).toBeUndefined();
  const known = new Set([whole, ...also].flatMap((one) => [...one.causes]));
  for (const cause of causes) expect(known.has(cause), `${what}: a finding of ${cause}`).toBe(true);
  if (healthy)
    expect(
      [whole, ...also].some((one) => one.healthy),
      `${what}: healthy`,
    ).toBe(true);
}

const blanks = ['', 'nan', 'N/A', '-', 'null'];

/** What may be wrong with the columns of a table, each as another table. */
function* damagedTables({ names, rows }: Written): Iterable<readonly [string, Written]> {
  for (const [at, name] of names.entries()) {
    yield [`without ${name}`, { names: names.toSpliced(at, 1), rows: rows.map((row) => row.toSpliced(at, 1)) }];
    yield [`${name} unnamed`, { names: names.with(at, ''), rows }];
    for (const blank of blanks)
      yield [`${name} all '${blank}'`, { names, rows: rows.map((row) => row.with(at, blank)) }];
  }
  yield ['columns in the other order', { names: names.toReversed(), rows: rows.map((row) => row.toReversed()) }];
  yield ['no rows', { names, rows: [] }];
}

const epochs = [
  ['epoch seconds', (ms: number) => String(ms / 1000)],
  ['epoch milliseconds', (ms: number) => String(ms)],
  ['epoch microseconds', (ms: number) => String(ms * 1000)],
  ['ISO 8601', (ms: number) => new Date(ms).toISOString()],
] as const;

describe('what a file does not tell is unknown, never 0 and never another number', () => {
  for (const fixture of fixtures)
    test(`${fixture.kind}${fixture.form === undefined ? '' : `, ${fixture.form}`}`, () => {
      const { write, table, times = [] } = fixture;
      const text = write(table);
      const whole = answerTo(fixture, text);
      // The fixture itself is read: else nothing is shown.
      expect(Object.values(whole.facts).filter((value) => value > 0).length).toBeGreaterThan(0);
      for (const [what, other] of damagedTables(table)) expectNothingInvented(fixture, what, write(other), whole);
      for (const [what, print] of epochs) {
        const rows = table.rows.map((row) =>
          row.map((cell, at) =>
            times.includes(table.names[at] ?? '') && cell !== ''
              ? print(Date.parse(/Z$/.test(cell) ? cell : `${cell}Z`))
              : cell,
          ),
        );
        if (times.length > 0) expectNothingInvented(fixture, what, write({ ...table, rows }), whole);
      }
      // A file that was cut has the answer of the rows before the cut.
      const prefixes = Array.from({ length: table.rows.length + 1 }, (_, count) =>
        answerTo(fixture, write({ ...table, rows: table.rows.slice(0, count) })),
      );
      const step = Math.max(Math.floor(text.length / 60), 1);
      for (let end = 0; end < text.length; end += step)
        expectNothingInvented(fixture, `cut at ${end}`, text.slice(0, end), whole, prefixes);
    });
});
