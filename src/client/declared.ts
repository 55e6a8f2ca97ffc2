import type { EventOf, EventSource } from '../features/define/event-source.ts';
import type { FeatureService, FeatureValues, RequestOf } from '../features/define/feature-service.ts';
import type { Tag, Tags, ValueOf } from '../features/define/tag.ts';

/** The part of a project that the client needs: the arguments of `defineProject`, as types only. */
export interface DeclaredProject {
  readonly parts: Readonly<Record<string, { readonly kind: string; readonly name: string }>>;
}

type Parts<P extends DeclaredProject, Kind extends string> = Extract<P['parts'][keyof P['parts']], { kind: Kind }>;

/** Names of the sources, services and models that a project names. */
export type SourceName<P extends DeclaredProject> = Parts<P, 'eventSource'>['name'];
export type ServiceName<P extends DeclaredProject> = Parts<P, 'featureService'>['name'];
export type ModelName<P extends DeclaredProject> = Parts<P, 'model'>['name'];

export type PipelineName<P extends DeclaredProject> = Parts<P, 'pipeline'>['name'];

/** An event of a source. */
export type EventFor<P extends DeclaredProject, N> =
  Extract<Parts<P, 'eventSource'>, { name: N }> extends EventSource<infer C> ? EventOf<EventSource<C>> : never;

/** A request of a service. */
export type RequestFor<P extends DeclaredProject, N> =
  Extract<Parts<P, 'featureService'>, { name: N }> extends FeatureService<infer I, infer F>
    ? RequestOf<FeatureService<I, F>>
    : never;

/** The features of a service as they arrive: an int64 as a number where a double holds it, else as a bigint. */
export type FeaturesFor<P extends DeclaredProject, N> =
  Extract<Parts<P, 'featureService'>, { name: N }> extends FeatureService<infer I, infer F>
    ? Arrived<F, FeatureValues<FeatureService<I, F>>>
    : never;

/** A request of the service of a model or a pipeline. */
export type ModelRequestFor<P extends DeclaredProject, N> =
  Extract<Parts<P, 'model' | 'pipeline'>, { name: N }> extends { readonly service: FeatureService<infer I, infer F> }
    ? RequestOf<FeatureService<I, F>>
    : never;

/** The answer that a pipeline computes, as it arrives. */
export type OutputsFor<P extends DeclaredProject, N> =
  Extract<Parts<P, 'pipeline'>, { name: N }> extends { readonly outputTags: infer O extends Tags }
    ? { readonly [K in keyof O]: ArrivedValue<O[K], ValueOf<O[K]>> }
    : never;

/** The names that a pipeline gives its models. */
export type ScoredBy<P extends DeclaredProject, N> =
  Extract<Parts<P, 'pipeline'>, { name: N }> extends { readonly models: infer M } ? keyof M & string : never;

type Arrived<F extends Tags, V extends { readonly [K in keyof F]: ValueOf<F[K]> }> = {
  readonly [K in keyof F]: ArrivedValue<F[K], V[K]> | null;
};

type ArrivedValue<T extends Tag, V> = T extends 'int64' | 'int64?'
  ? V | number
  : T extends 'list<int64>' | 'list<int64>?'
    ? readonly (bigint | number)[]
    : V;
