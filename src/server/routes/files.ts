import { createReadStream, createWriteStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { type ErrorCode, fail } from '../../base/errors/fail.ts';
import { PRICE_STORE } from '../../cost/catalog/price-store.ts';
import { SEASONS } from '../../monitoring/detect/season.ts';
import { FORM_LIMIT } from '../../ports/form-limit.ts';
import { temporaryFolder } from '../../process/temporary-folder.ts';
import { judgeFiles, oneJudgement } from '../../site/judge-files/judge-process.ts';
import type { Judgement } from '../../site/judge-files/judgement.ts';
import { parsedQuery } from '../body.ts';
import { checkLength, limited } from '../limits/limited-stream.ts';
import { json, type ReadRoute, type RouteAnswer, type RouteRequest } from '../route.ts';
import { comparisonSchema, costPlanSchema, diagnosisSchema } from './judged-schemas.ts';

const MIB = 2 ** 20;

const limit = { most: FORM_LIMIT, tooLarge: () => fail('SERVER_FORM_SIZE', { most: FORM_LIMIT }) };

const FORM_TYPE = 'multipart/form-data';

const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
const names = z.string().transform((text) => text.split(',').filter((name) => name !== ''));
const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most);
const html = flag.default(false).describe('also answer the page as `html`: one document that needs no network');

const driftQuery = z.strictObject({
  html,
  rule: z.string().default('default').describe('`default`, `psi>0.2` or `ks<0.05`, with numbers of your own'),
  slice: z.string().nullable().default(null).describe('a column whose values are also compared one by one'),
  time: z.string().nullable().default(null).describe('a column that orders the reference in time; not compared'),
  season: z.enum(SEASONS).nullable().default(null).describe('compare with rows of the same hours (auto)'),
  ignore: names.default([]).describe('columns to leave out, with commas between'),
  features: names.default([]).describe('columns to look at, with commas between (all)'),
  windowsPerDay: whole(1, 86_400).default(1).describe('windows a day that the cost of the rules is computed for'),
});

const gpuQuery = z.strictObject({
  html,
  device: z.string().nullable().default(null).describe('the GPU of traces that do not name theirs'),
});

const costQuery = z.strictObject({
  html,
  draws: whole(100, 100_000).default(10_000).describe('draws of the total'),
  seed: whole(0, Number.MAX_SAFE_INTEGER).default(1).describe('seed of the draws'),
  oldPrices: flag.default(false).describe('accept prices older than 90 days'),
  polarity: z.enum(['available', 'unavailable']).nullable().default(null).describe('the meaning of 1 in a recording'),
  timeUnit: z.enum(['ms', 's', 'h']).nullable().default(null).describe('the unit of time of a recording'),
});

interface Parts {
  readonly path: `/${string}`;
  readonly operationId: string;
  readonly tag: 'models' | 'training';
  readonly takes: string;
  readonly answers: string;
  readonly summary: string;
  /** The report, by the name of its schema. */
  readonly report: readonly [name: string, z.ZodType];
  /** The name of the schema of the answer. */
  readonly answer: string;
  readonly query: z.ZodObject;
  readonly refusals: readonly ErrorCode[];
  readonly judgementOf: (query: unknown) => { readonly judgement: Judgement; readonly html: boolean };
}

function fileRoute(parts: Parts): ReadRoute {
  const { path, operationId, tag, takes, answers, summary, report, answer, query, refusals, judgementOf } = parts;
  return {
    method: 'POST',
    path,
    operationId,
    tag,
    // The files are read, judged and removed: nothing of them stays.
    scopes: ['read'],
    changes: null,
    access: 'reads',
    page: { takes: `a form (\`${FORM_TYPE}\`) with ${takes}, up to ${FORM_LIMIT / MIB} MiB`, answers },
    query,
    takesStream: true,
    errors: ['SERVER_FORM_SIZE', 'SERVER_BUSY', 'SERVER_JUDGE', 'JOB_CANCELLED'],
    refusals: ['SERVER_FORM', 'FILE_DAMAGED', 'REPORT_PAGE', ...refusals],
    shapes: (_, define) => {
      const { schema } = define(...report);
      const judged = define(answer, z.object({ report: schema, html: z.string().nullable() }));
      return [{ summary, body: { [FORM_TYPE]: 'binary' }, answers: { 200: json(judged) } }];
    },
    run: (_, request) => {
      const asked = judgementOf(request.query);
      return oneJudgement(() => answerTo(asked, request));
    },
  };
}

async function answerTo(asked: ReturnType<Parts['judgementOf']>, request: RouteRequest): Promise<RouteAnswer> {
  const { headers, stream, gone } = request;
  const type = headers['content-type'] ?? '';
  if (!type.startsWith(FORM_TYPE)) throw fail('SERVER_MEDIA_TYPE', {});
  checkLength(headers['content-length'], limit);
  const folder = temporaryFolder('headrace-judge-');
  try {
    const form = join(folder.path, 'form');
    await pipeline(stream, limited(limit), createWriteStream(form));
    const answer = createReadStream(await judgeFiles({ ...asked, folder: folder.path, form, type }, gone()));
    answer.once('close', folder.remove);
    return { status: 200, type: 'application/json', body: answer };
  } catch (error) {
    folder.remove();
    throw error;
  }
}

/** Compares two tables that a caller sends. */
export const compareFiles = fileRoute({
  path: '/v1/files/drift',
  operationId: 'compareFiles',
  tag: 'models',
  takes: 'the files `reference` and `current`, Parquet or CSV by the ends of their names',
  answers: '`{report, html}`: the answer of `headrace drift compare --json`',
  summary: 'Compares two files: faults of the data first, then features that drifted.',
  report: ['ComparisonReport', comparisonSchema],
  answer: 'FileComparison',
  query: driftQuery,
  refusals: ['DRIFT_FILE', 'DRIFT_COLUMN', 'DRIFT_RULE', 'DRIFT_OPTION'],
  judgementOf: (query) => {
    const { html: wanted, ...options } = parsedQuery(driftQuery, { ...Object(query) });
    return { judgement: { kind: 'drift', options }, html: wanted };
  },
});

/** Diagnoses traces, counters and scheduler records that a caller sends. */
export const diagnoseFiles = fileRoute({
  path: '/v1/files/gpu',
  operationId: 'diagnoseFiles',
  tag: 'training',
  takes: 'one or more files `file`: traces, counters, scheduler records',
  answers: '`{report, html}`: the answer of `headrace gpu diagnose --json`',
  summary: 'Ranks what limits the GPUs.',
  report: ['DiagnosisReport', diagnosisSchema],
  answer: 'FileDiagnosis',
  query: gpuQuery,
  refusals: [
    'GPU_FILE',
    'GPU_FORMAT',
    'GPU_BINARY_REPORT',
    'GPU_NOT_A_TRACE',
    'GPU_MEMORY_TIMELINE',
    'GPU_FILE_TOO_LARGE',
    'GPU_DAMAGED',
    'GPU_NO_DATA',
  ],
  judgementOf: (query) => {
    const { html: wanted, ...options } = parsedQuery(gpuQuery, { ...Object(query) });
    return { judgement: { kind: 'gpu', options }, html: wanted };
  },
});

/** Plans the cost of a job that a caller sends. */
export const planFiles = fileRoute({
  path: '/v1/files/cost',
  operationId: 'planFiles',
  tag: 'training',
  takes: 'the files `job` and `profile` (one or more), and if wanted `trace`, `drill`, `prices`',
  answers: '`{report, html}`: the answer of `headrace cost plan --json`',
  summary: 'Plans a cheaper training job.',
  report: ['PlanReport', costPlanSchema],
  answer: 'FilePlan',
  query: costQuery,
  refusals: ['COST_JOB', 'COST_FILE', 'COST_NO_PROFILE', 'COST_PROFILE', 'COST_PROFILE_OTHER', 'COST_TRACE'],
  judgementOf: (query) => {
    const { html: wanted, ...options } = parsedQuery(costQuery, { ...Object(query) });
    return { judgement: { kind: 'cost', options: { ...options, store: resolve(PRICE_STORE) } }, html: wanted };
  },
});
