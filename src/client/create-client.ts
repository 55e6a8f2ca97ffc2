import { VECTOR_BINARY_TYPE } from '../schema/vector-format.ts';
import { type CallOptions, type CallSettings, call, JSON_TYPE } from './call.ts';
import type {
  DeclaredProject,
  EventFor,
  FeaturesFor,
  ModelName,
  ModelRequestFor,
  OutputsFor,
  PipelineName,
  RequestFor,
  ScoredBy,
  ServiceName,
  SourceName,
} from './declared.ts';
import type { ReadVector } from './read-vectors.ts';

export interface ClientOptions {
  /** Address of the server: `https://features.example`. */
  readonly url: string;
  /** API key; without it the server must need none. */
  readonly key?: string;
  /** Time for a call with all its retries, ms (10,000). */
  readonly deadlineMs?: number;
  /** Times that a call is made again at most, where that is safe (3). */
  readonly retries?: number;
  /** The platform's own where it is left out. */
  readonly fetch?: typeof globalThis.fetch;
  /** A number in [0, 1), to spread retries; Math.random where it is left out. */
  readonly rng?: () => number;
  /** Returns the `traceparent` header (W3C Trace Context) of the caller's span, the parent of the server's spans. */
  readonly traceparent?: () => string | undefined;
}

/** Options of a read. */
export interface ReadOptions extends CallOptions {
  /** The instant that it is as of, epoch ms; now where it is left out. */
  readonly at?: number;
}

/** A vector as it arrives; see docs/reference/http.md for its members. */
export interface ClientVector<F> {
  readonly at: number;
  readonly complete: boolean;
  readonly features: F;
  readonly missing: Readonly<Record<string, string>>;
  readonly stale: readonly string[];
  readonly ages: { readonly streaming: number | null; readonly batch: number | null };
  readonly degraded: boolean;
}

/** The outcome of the events of a call. */
export interface ClientReport {
  /** In the log, and they count. */
  readonly accepted: number;
  /** In the log, but an event of their id was accepted before: also where the call was made again after a failure. */
  readonly duplicate: number;
  /** In the log, but they came later than the source allows. */
  readonly late: number;
  /** In the log, and not judged yet. */
  readonly pending: number;
  /** Not in the log. */
  readonly refused: number;
  /** The first 100 that are duplicate or late. */
  readonly dropped: readonly { readonly index: number; readonly id: string; readonly reason: 'duplicate' | 'late' }[];
  /** The first 100 that were refused, each with its index in the call, and its id where it has one. */
  readonly errors: readonly {
    readonly index: number;
    readonly id?: string;
    readonly code: string;
    readonly message: string;
    readonly hint: string;
  }[];
}

/** A prediction as it arrives. */
export interface ClientPrediction {
  readonly id: string;
  readonly model: string;
  readonly version: number;
  /** Cohort of the caller in the rollout under way; champion without one. */
  readonly cohort: 'champion' | 'canary' | 'baseline';
  /** The rollout under way; null: none. */
  readonly rollout: string | null;
  readonly score: number;
  readonly at: number;
  readonly ages: ClientVector<unknown>['ages'];
  readonly missing: number;
}

/** An answer of a pipeline as it arrives. */
export interface ClientPipelineAnswer<O, M extends string>
  extends Omit<ClientPrediction, 'model' | 'cohort' | 'rollout' | 'score'> {
  readonly pipeline: string;
  /** Version of the pipeline. */
  readonly version: number;
  readonly outputs: O;
  /** By the names that the pipeline gives its models. */
  readonly models: { readonly [K in M]: Pick<ClientPrediction, 'version' | 'cohort' | 'rollout' | 'score'> };
}

/** The answer of a model or a pipeline. */
export type AnswerFor<P extends DeclaredProject, N> =
  N extends PipelineName<P> ? ClientPipelineAnswer<OutputsFor<P, N>, ScoredBy<P, N>> : ClientPrediction;

/** A client of a project's server. Names, requests and answers have the types of the declaration. Errors of every call: ClientError. */
export interface Client<P extends DeclaredProject> {
  /** Sends events. Made again after a failure: the server knows an event by its id. */
  ingest<N extends SourceName<P>>(
    source: N,
    events: readonly EventFor<P, N>[],
    options?: CallOptions,
  ): Promise<ClientReport>;
  /** Reads the vector of one request. */
  vector<N extends ServiceName<P>>(
    service: N,
    request: RequestFor<P, N>,
    options?: ReadOptions,
  ): Promise<ClientVector<FeaturesFor<P, N>>>;
  /** Reads the vectors of up to 1,000 requests, in their order. */
  vectors<N extends ServiceName<P>>(
    service: N,
    requests: readonly RequestFor<P, N>[],
    options?: ReadOptions,
  ): Promise<readonly ClientVector<FeaturesFor<P, N>>[]>;
  /** Predicts by a model or a pipeline; `id` is what the label will name. Made again only where the server says that it did nothing. */
  predict<N extends ModelName<P> | PipelineName<P>>(
    model: N,
    id: string,
    request: ModelRequestFor<P, N>,
    options?: ReadOptions,
  ): Promise<AnswerFor<P, N>>;
  /** Predicts for up to 1,000 requests in one run, in their order; all or none. Made again as `predict` is. */
  predictMany<N extends ModelName<P> | PipelineName<P>>(
    model: N,
    requests: readonly ClientPredictionRequest<ModelRequestFor<P, N>>[],
    options?: ReadOptions,
  ): Promise<readonly AnswerFor<P, N>[]>;
}

/** One request for a prediction; `id` is what its label will name. */
export interface ClientPredictionRequest<R> {
  readonly id: string;
  readonly request: R;
}

/**
 * Makes a client: `createClient<typeof project>({ url, key })`, `project` being imported as a type. It opens nothing and
 * needs no closing; it runs wherever there is `fetch`.
 */
export function createClient<P extends DeclaredProject>(options: ClientOptions): Client<P> {
  const settings = settingsOf(options);
  const post = (kind: string, name: string, body: unknown, options?: CallOptions) => {
    const path = `/v1/${kind}/${encodeURIComponent(name)}`;
    const repeatable = kind === 'predictions' ? 'refused' : 'always';
    // Vectors come in the form that says the type of each value: in JSON a large float looks like an int64.
    const isBinary = kind === 'features' || (typeof body === 'object' && body !== null && 'requests' in body);
    const accept = isBinary ? VECTOR_BINARY_TYPE : JSON_TYPE;
    return call(settings, { path, body: jsonText(body), repeatable, accept }, options);
  };
  // The server answers by the declaration that the types are of: what it sends is taken for what they say.
  return {
    ingest: (source, events, options) => post('events', source, events, options) as Promise<ClientReport>,
    vector: async (service, request, { at, ...options } = {}) => {
      const [vector] = (await post('features', service, { request, at }, options)) as readonly never[];
      return vector;
    },
    vectors: (service, requests, { at, ...options } = {}) =>
      post('features', service, { requests, at }, options) as Promise<readonly never[]>,
    predict: (model, id, request, { at, ...options } = {}) =>
      post('predictions', model, { id, request, at }, options) as Promise<never>,
    predictMany: async (model, requests, { at, ...options } = {}) => {
      const rows = (await post('predictions', model, { requests, at }, options)) as readonly ReadVector[];
      return rows.map(({ features, at: asOf, ages }) => answerOf(model, features, { at: asOf, ages }) as never);
    },
  };
}

function settingsOf({ url, key, deadlineMs, retries, fetch, rng, traceparent }: ClientOptions): CallSettings {
  return {
    url: url.replace(/\/+$/, ''),
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    deadlineMs: deadlineMs ?? 10_000,
    retries: retries ?? 3,
    // Called through an arrow: a browser's fetch refuses another `this`.
    fetch: fetch ?? ((input, init) => globalThis.fetch(input, init)),
    rng: rng ?? Math.random,
    traceparent: traceparent ?? (() => undefined),
  };
}

/** JSON in which a bigint is a text: every server takes an int64 so, and no engine rounds it. */
function jsonText(body: unknown): string {
  return JSON.stringify(body, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}

/** A row of the binary form, whose columns are members of a prediction, or `outputs.<name>` and `models.<name>.<member>` of a pipeline. */
function answerOf(name: string, columns: object, instant: Pick<ClientPrediction, 'at' | 'ages'>): object {
  const outputs: Record<string, unknown> = {};
  const models: Record<string, Record<string, unknown>> = {};
  const own: Record<string, unknown> = {};
  for (const [column, value] of Object.entries(columns)) {
    const [kind, of = '', member = ''] = column.split('.');
    if (kind === 'outputs' && of !== '') outputs[of] = value;
    else if (kind === 'models' && of !== '') models[of] = { ...models[of], [member]: value };
    else own[column] = value;
  }
  if (Object.keys(models).length === 0) return { ...own, model: name, ...instant };
  return { ...own, pipeline: name, outputs, models, ...instant };
}
