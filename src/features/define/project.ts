import { fail } from '../../base/errors/fail.ts';
import { checkName } from './check-name.ts';
import type {
  EntityData,
  EventSourceData,
  FeatureServiceData,
  ModelData,
  PipelineData,
  ProjectData,
  StreamInferenceData,
  ViewData,
} from './declaration.ts';
import { freeze } from './freeze.ts';
import { scoredStreamOf } from './score-source.ts';

type Part = EventSourceData | ViewData | FeatureServiceData | ModelData | StreamInferenceData | PipelineData;

/** A project with its parts under the names that the user gave them. */
export interface Project<P extends Readonly<Record<string, Part>>> extends ProjectData {
  readonly parts: P;
}

/** Declares a project: the named parts and all that they reach. Errors: NAME_TEXT, NAME_TWICE, STREAM_SCORES. */
export function defineProject<const P extends Readonly<Record<string, Part>>>(name: string, parts: P): Project<P> {
  checkName('project', name);
  const reached = new Reached();
  for (const part of Object.values(parts)) reached.add(part);
  return freeze({ kind: 'project', name, parts, ...reached.lists() });
}

/** The streams whose scores some parts depend on. Error: NAME_TWICE. */
export function reachedStreams(parts: readonly Part[]): readonly StreamInferenceData[] {
  const reached = new Reached();
  for (const part of parts) reached.add(part);
  return reached.lists().streams ?? [];
}

/** The parts that a project reaches, each once, sorted by name. */
class Reached {
  readonly #sources = new Map<string, EventSourceData>();
  readonly #views = new Map<string, ViewData>();
  readonly #services = new Map<string, FeatureServiceData>();
  readonly #models = new Map<string, ModelData>();
  readonly #streams = new Map<string, StreamInferenceData>();
  readonly #pipelines = new Map<string, PipelineData>();
  readonly #entities = new Map<string, EntityData>();

  add(part: Part): void {
    switch (part.kind) {
      case 'eventSource':
        this.#addScored(part);
        return put(this.#sources, part, part.name);
      case 'streamView':
        this.add(part.source);
        put(this.#entities, part.entity, part.entity.name);
        return put(this.#views, part, `${part.name}@${part.version}`);
      case 'batchView':
        for (const source of Object.values(part.reads)) this.add(source);
        put(this.#entities, part.entity, part.entity.name);
        if (part.scores !== undefined) this.add(part.scores.model);
        return put(this.#views, part, `${part.name}@${part.version}`);
      case 'onDemandView':
        return put(this.#views, part, `${part.name}@${part.version}`);
      case 'featureService':
        for (const { view } of part.lookups) this.add(view);
        for (const spec of part.computed) if (spec.kind === 'apply') this.add(spec.view);
        return put(this.#services, part, part.name);
      case 'model':
        for (const one of [part.service, part.spine.from, part.label.from]) this.add(one);
        for (const { from } of part.proxies ?? []) this.add(from);
        return put(this.#models, part, part.name);
      case 'streamInference':
        for (const one of [part.model, part.from]) this.add(one);
        return put(this.#streams, part, part.name);
      case 'pipeline':
        for (const one of [part.service, ...Object.values(part.models)]) this.add(one);
        return put(this.#pipelines, part, part.name);
      default:
        return part satisfies never;
    }
  }

  /** A stream comes with the source of its scores. */
  #addScored(source: EventSourceData): void {
    if (source.scores === undefined) return;
    const stream = scoredStreamOf(source);
    if (stream === null)
      throw fail('STREAM_SCORES', { source: source.name, reason: 'it is a copy of its declaration' });
    this.add(stream);
  }

  lists(): Omit<ProjectData, 'kind' | 'name'> {
    const shared = [...this.#pipelines.keys()].find((name) => this.#models.has(name));
    // Both are called by their names at one route.
    if (shared !== undefined) throw fail('NAME_TWICE', { kind: 'model or pipeline', name: shared });
    // Outputs of two streams in one topic would be of neither.
    const topics = [...this.#streams.values()].map(({ to }) => to);
    const twice = topics.find((to, i) => topics.indexOf(to) < i);
    if (twice !== undefined) throw fail('NAME_TWICE', { kind: 'topic of outputs', name: twice });
    return {
      sources: sorted(this.#sources),
      views: sorted(this.#views),
      services: sorted(this.#services),
      models: sorted(this.#models),
      ...(this.#streams.size === 0 ? {} : { streams: sorted(this.#streams) }),
      ...(this.#pipelines.size === 0 ? {} : { pipelines: sorted(this.#pipelines) }),
    };
  }
}

function put<T extends { readonly kind: string }>(all: Map<string, T>, part: T, name: string): void {
  const known = all.get(name);
  if (known !== undefined && known !== part) throw fail('NAME_TWICE', { kind: part.kind, name });
  all.set(name, part);
}

function sorted<T>(all: ReadonlyMap<string, T>): readonly T[] {
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part);
}
