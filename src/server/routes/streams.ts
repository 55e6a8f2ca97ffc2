import { z } from 'zod';
import type { Headrace } from '../../running/headrace.ts';
import { readInstant } from '../../schema/instant.ts';
import { parsedBody, parsedQuery } from '../body.ts';
import { type Define, json, jsonAnswer, type WriteRoute } from '../route.ts';

const whole = z.int().min(0);

const canary = z.looseObject({
  version: whole,
  buckets: whole.describe('of 10,000'),
  salt: z.string(),
  caller: z.string().nullable().optional(),
});
const interval = z.looseObject({
  from: whole.describe('first offset'),
  version: whole,
  digest: z.string(),
  plan: whole,
  canary: canary.nullable(),
});

const status = z.looseObject({
  model: z.string(),
  partitions: z
    .array(
      z.looseObject({
        next: whole.describe('offsets below it are scored'),
        waiting: whole.describe('records'),
        here: z.boolean().describe('whether this process scores it'),
        intervals: z.array(interval),
      }),
    )
    .describe('empty before the stream has a version'),
  rollingTo: whole.nullable().describe('the version of the open plan'),
  unacknowledged: z.array(whole).describe('partitions whose owner has not acknowledged the open plan'),
  shadow: whole.nullable(),
  plans: z
    .array(
      z.looseObject({
        plan: whole,
        version: whole,
        phase: z.enum(['open', 'committed', 'aborted', 'refused', 'superseded', 'cancelled']),
        reached: z.boolean().describe('whether every partition scores by it'),
      }),
    )
    .describe('the newest, in order'),
});

const answer = (define: Define) => ({ 200: json(define('Stream', status)) });

const cutOver = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('at-offset'),
    offsets: z.array(whole).nullable().describe('by partition; null: the end of each'),
  }),
  z.strictObject({
    kind: z.literal('at-event-time'),
    at: z.number().describe('epoch ms'),
    idleMs: whole
      .optional()
      .describe('a partition without a record for this long does not wait for one; default: 60000'),
  }),
  z.strictObject({ kind: z.literal('immediate') }),
  z.strictObject({
    kind: z.literal('canary-keys'),
    buckets: whole.max(10_000).describe('of 10,000'),
    salt: z.string().max(200),
  }),
]);

const changeBody = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('roll'),
    version: whole,
    cutOver: cutOver.optional(),
    replace: z.boolean().optional().describe('whether it takes the place of an open plan'),
  }),
  z.strictObject({ action: z.literal('cancel') }),
  z.strictObject({ action: z.literal('commit') }),
  z.strictObject({ action: z.literal('abort') }),
  z.strictObject({ action: z.literal('shadow'), version: whole.nullable().describe('null: no shadow') }),
]);

type Change = z.infer<typeof changeBody>;

const ERRORS = ['STREAM_UNKNOWN', 'STREAM_RECORD', 'REGISTRY_VERSION', 'REGISTRY_BUSY', 'MODEL_NONE'] as const;

/** Reads the state of a stream. */
export const readStream: WriteRoute = {
  method: 'GET',
  path: '/v1/streams/{stream}',
  operationId: 'readStream',
  tag: 'models',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  page: { takes: '', answers: 'the [stream](../guide/streaming-inference.md): positions, version map, open plan' },
  errors: ['STREAM_UNKNOWN'],
  shapes: ({ streams = [] }, define) =>
    streams.map(({ name }) => ({
      name,
      summary: `The positions, the version map and the open plan of stream ${name}.`,
      answers: answer(define),
    })),
  run: ({ headrace }, { name }) => jsonAnswer(headrace.stream(name).status),
};

/** Plans a cut-over, commits, aborts or cancels it, or sets the shadow of a stream. */
export const changeStream: WriteRoute = {
  method: 'POST',
  path: '/v1/streams/{stream}',
  operationId: 'changeStream',
  tag: 'admin',
  scopes: ['admin'],
  changes: 'streams',
  access: 'writes',
  page: {
    takes:
      "`{action: 'roll', version, cutOver?, replace?}`, `{action: 'shadow', version}`; or the action `commit`, `abort` or `cancel`",
    answers: 'the [stream](../guide/streaming-inference.md) after it',
  },
  errors: [...ERRORS, 'STREAM_PLAN', 'STREAM_CUT_OVER', 'STREAM_UNACKED', 'STREAM_DIGEST', 'STREAM_ENGINE'],
  refusals: ['SERVER_BODY', 'STREAM_CUT_OVER', 'STREAM_ENGINE', 'INSTANT_UNIT', 'INSTANT_VALUE'],
  shapes: ({ streams = [] }, define) =>
    streams.map(({ name }) => ({
      name,
      summary: `Plans, commits, aborts or cancels a cut-over of stream ${name}, or sets its shadow.`,
      body: json(define('StreamBody', changeBody)),
      answers: answer(define),
    })),
  run: async ({ headrace }, { name, body, names }) => {
    const stream = headrace.stream(name);
    const change = parsedBody(changeBody, body);
    const target = 'version' in change ? `${name} ${change.version ?? 'none'}` : name;
    names({ what: `stream ${change.action}`, target });
    await changed(stream, change);
    return jsonAnswer(headrace.stream(name).status);
  },
};

function changed(stream: ReturnType<Headrace['stream']>, change: Change): Promise<void> {
  switch (change.action) {
    case 'roll': {
      const { version, cutOver: given, replace } = change;
      if (given?.kind === 'at-event-time') readInstant(given.at, Date.now(), { where: 'the cut-over', column: 'at' });
      return stream.roll(given === undefined ? { version, replace } : { version, cutOver: given, replace });
    }
    case 'cancel':
      return stream.cancel();
    case 'commit':
      return stream.commit();
    case 'abort':
      return stream.abort();
    case 'shadow':
      return stream.shadow(change.version);
    default:
      return change satisfies never;
  }
}

/** Outputs of one page, and without a limit. */
const MOST_OUTPUTS = 10_000;
const USUAL_OUTPUTS = 1_000;

const pageQuery = z.object({
  cursor: z
    .string()
    .max(10_000)
    .optional()
    .describe('`next` of the last answer; without it the oldest outputs that are kept'),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,4}$/)
    .optional()
    .describe(`at most ${MOST_OUTPUTS} (${USUAL_OUTPUTS})`),
  rejected: z
    .literal('true')
    .optional()
    .describe('only records without a score, among some thousand outputs; without a cursor the newest ones'),
});

const page = z.object({
  outputs: z.array(
    z.looseObject({
      partition: whole,
      offset: whole.describe('of the scored record'),
      id: z.string(),
      at: z.number().describe('event time, epoch ms'),
      scoredAt: z.number().describe('epoch ms'),
      score: z.number().nullable().describe('null: the record was rejected'),
      error: z.string().nullable(),
      version: whole,
    }),
  ),
  next: z.string().describe('the cursor of the next read'),
  isEnd: z.boolean().describe('nothing comes after it yet'),
  previous: z
    .string()
    .nullable()
    .optional()
    .describe('of rejected records: the cursor of the outputs before; null: none is kept'),
});

/** Reads the outputs of a stream from a cursor on. */
export const readStreamOutputs: WriteRoute = {
  method: 'GET',
  path: '/v1/stream-outputs/{stream}',
  operationId: 'readStreamOutputs',
  tag: 'predictions',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  page: {
    takes:
      '`cursor`: `next` of the last answer; `limit`; `rejected=true`: only records without a score, the newest ones without a cursor',
    answers:
      '`{outputs, next, isEnd}`: [outputs](../guide/streaming-inference.md) in the order of each partition; of rejected ones `previous`, the cursor of those before',
  },
  query: pageQuery,
  errors: ['STREAM_UNKNOWN', 'STREAM_CURSOR', 'STREAM_ELSEWHERE', 'STREAM_RECORD', 'LOG_TRIMMED', 'SERVER_BODY'],
  shapes: ({ streams = [] }, define) =>
    streams.map(({ name }) => ({
      name,
      summary: `The outputs of stream ${name} from a cursor on.`,
      answers: { 200: json(define('StreamOutputs', page)) },
    })),
  run: async ({ headrace }, { name, query }) => {
    const { cursor = null, limit, rejected } = parsedQuery(pageQuery, { ...Object(query) });
    const most = Math.min(MOST_OUTPUTS, limit === undefined ? USUAL_OUTPUTS : Number(limit));
    const stream = headrace.stream(name);
    const asked = { cursor, most };
    return jsonAnswer(await (rejected === undefined ? stream.outputs(asked) : stream.rejected(asked)));
  },
};

/** Outputs of one answer. */
const MOST_AGAIN = 10_000;

const againBody = z
  .strictObject({
    partition: whole,
    from: whole.describe('first offset'),
    to: whole.describe(`the offset after the last, at most ${MOST_AGAIN} later`),
    version: whole.optional().describe('the one version for all; without it the version map decides'),
  })
  .refine(({ from, to }) => to - from <= MOST_AGAIN, `ask for at most ${MOST_AGAIN} offsets at a time`);

const outputs = z.looseObject({
  outputs: z.array(
    z.looseObject({
      id: z.string(),
      offset: whole,
      score: z.number().nullable().describe('null: the record was not scored'),
      error: z.string().nullable(),
      first: whole.optional().describe('the record is an event again: the offset that has its score'),
      version: whole,
      digest: z.string(),
      plan: whole,
    }),
  ),
});

/** Scores a range of a stream again; its outputs stay as they are. */
export const scoreStreamAgain: WriteRoute = {
  method: 'POST',
  path: '/v1/stream-scores/{stream}',
  operationId: 'scoreStreamAgain',
  tag: 'predictions',
  scopes: ['read'],
  changes: null,
  access: 'writes',
  page: {
    takes: '`{partition, from, to, version?}`',
    answers:
      'outputs of the range, scored again by the version map or by one version; those of the stream stay as they are',
  },
  errors: [...ERRORS, 'STREAM_RANGE', 'STREAM_DIGEST', 'LOG_TRIMMED', 'ARTIFACT_DAMAGED', 'MODEL_FILE'],
  refusals: ['SERVER_BODY', 'STREAM_RANGE'],
  shapes: ({ streams = [] }, define) =>
    streams.map(({ name }) => ({
      name,
      summary: `Scores a range of stream ${name} again.`,
      body: json(define('StreamRange', againBody)),
      answers: { 200: json(define('StreamScores', outputs)) },
    })),
  run: async ({ headrace }, { name, body }) => {
    const stream = headrace.stream(name);
    const { partition, ...range } = parsedBody(againBody, body);
    const { from, to, version = null } = range;
    return jsonAnswer({ outputs: await stream.reprocess(partition, { from, to, version }) });
  },
};
