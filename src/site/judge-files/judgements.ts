import { readFile } from 'node:fs/promises';
import { openTableFile } from '../../backends/embedded/table/open-table-file.ts';
import { fail } from '../../base/errors/fail.ts';
import type { TableFile } from '../../ports/table-file.ts';
import type { ReportKind } from '../../report/report-kinds.ts';
import { reportPage } from '../../report/report-page.ts';
import { fileOf } from './form-files.ts';
import type { CostAsked, DriftAsked, FormFiles, GpuAsked, Judgement } from './judgement.ts';

/** A judgement as JSON text, and its page where it is asked for. */
export interface Judged {
  readonly report: string;
  readonly html: string | null;
}

interface Judge<Options> {
  /** Fields of its form. */
  readonly fields: readonly string[];
  judge(files: FormFiles, options: Options, html: boolean): Promise<Judged>;
}

/** A table that was sent may say that it has any number of rows. */
const MOST_ROWS = 20_000_000;

const drift: Judge<DriftAsked> = {
  fields: ['reference', 'current'],
  async judge(files, { rule, season, ...options }, html) {
    const { compareTables } = await import('../../monitoring/detect/compare-tables.ts');
    const { parseDriftRule } = await import('../../monitoring/detect/drift-rule.ts');
    const { comparisonJson } = await import('../../monitoring/report/comparison-json.ts');
    if (season !== null && options.time === null)
      throw fail('DRIFT_OPTION', { option: 'season', value: season, reason: 'without "time" no hour is known' });
    const tables: TableFile[] = [];
    try {
      for (const field of drift.fields) tables.push(bounded(await openTableFile(fileOf(files, field))));
      const [reference, current] = tables;
      const asked = { ...options, rule: parseDriftRule(rule), season: season ?? ('auto' as const) };
      const comparison = await compareTables(reference, current, asked);
      return withPage('comparison', comparisonJson(comparison), html);
    } finally {
      for (const table of tables) await table.close();
    }
  },
};

function bounded(table: TableFile): TableFile {
  const { path, rows } = table;
  if (rows <= MOST_ROWS) return table;
  throw fail('DRIFT_FILE', { path, reason: `it has ${rows} rows, and a server compares at most ${MOST_ROWS}` });
}

const gpu: Judge<GpuAsked> = {
  fields: ['file'],
  async judge(files, { device }, html) {
    const { diagnoseFiles } = await import('../../gpu/diagnose-files.ts');
    const { jsonText } = await import('../../gpu/report/json.ts');
    const paths = files.get('file') ?? [];
    if (paths.length === 0) throw fail('SERVER_FORM', { reason: 'the part "file" is missing' });
    const diagnosis = await diagnoseFiles(paths, device === null ? {} : { device });
    return withPage('gpu', jsonText(diagnosis), html);
  },
};

const cost: Judge<CostAsked> = {
  fields: ['job', 'profile', 'trace', 'drill', 'prices'],
  async judge(files, { draws, seed, store, oldPrices, polarity, timeUnit }, html) {
    const { planOfFiles } = await import('../../cost/plan/plan-of-files.ts');
    const { withDrill } = await import('../../cost/plan/read-drill.ts');
    const described = await sentJob(fileOf(files, 'job'));
    const job = files.has('drill') ? await withDrill(described, fileOf(files, 'drill')) : described;
    const profiles = files.get('profile') ?? [];
    if (profiles.length === 0) throw fail('COST_NO_PROFILE', { job: job.name });
    const plan = await planOfFiles(job, {
      profiles,
      traces: files.get('trace') ?? [],
      traceOptions: { polarity: polarity ?? undefined, timeUnit: timeUnit ?? undefined },
      trials: [],
      prices: { path: files.has('prices') ? fileOf(files, 'prices') : undefined, store, acceptOld: oldPrices },
      nowMs: Date.now(),
      draws,
      seed,
    });
    return withPage('cost', JSON.stringify(plan), html);
  },
};

/** A job that was sent names no file of this machine: neither its program nor its drill is read by a path. */
async function sentJob(path: string) {
  const { parseJob } = await import('../../cost/plan/job.ts');
  try {
    return parseJob(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (error instanceof SyntaxError) throw fail('COST_JOB', { reason: `${path} is not whole JSON` }, error);
    throw error;
  }
}

function withPage(kind: ReportKind, report: string, html: boolean): Judged {
  return { report, html: html ? reportPage(kind, report) : null };
}

const judges = { drift, gpu, cost };

/** The fields of the form of a kind. */
export const fieldsOf = ({ kind }: Judgement): readonly string[] => judges[kind].fields;

/** Judges the files of a form, by the functions that the command line calls. Errors: SERVER_FORM, those of the files. */
export function judged(judgement: Judgement, files: FormFiles, html: boolean): Promise<Judged> {
  switch (judgement.kind) {
    case 'drift':
      return drift.judge(files, judgement.options, html);
    case 'gpu':
      return gpu.judge(files, judgement.options, html);
    case 'cost':
      return cost.judge(files, judgement.options, html);
    default:
      return judgement satisfies never;
  }
}
