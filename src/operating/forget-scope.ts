import { fail } from '../base/errors/fail.ts';
import type {
  EntityData,
  EventSourceData,
  FeatureServiceData,
  ModelData,
  ProjectData,
  StreamViewData,
} from '../features/define/declaration.ts';

/** Column by part of the entity's key. */
export type KeyColumns = Readonly<Record<string, string>>;

/** Where an entity's key stands in what a project keeps; a part may carry it in several ways (sender and receiver). */
export interface ForgetScope {
  readonly entity: EntityData;
  readonly sources: readonly { readonly source: EventSourceData; readonly keys: readonly KeyColumns[] }[];
  readonly streamViews: readonly StreamViewData[];
  /** `name@version`. */
  readonly batchViews: readonly string[];
  readonly services: readonly { readonly service: FeatureServiceData; readonly keys: readonly KeyColumns[] }[];
  readonly models: readonly ModelData[];
  /** Names of views of other entities. */
  readonly foreignViews: readonly string[];
  /** Sources without a column that is known to hold the key. */
  readonly untouched: readonly string[];
}

/** Finds it, by the keys of views, the lookups of services, and the columns of spines and batch reads. Error: FORGET_ENTITY. */
export function forgetScope(project: ProjectData, name: string): ForgetScope {
  const views = project.views.filter((view) => view.kind !== 'onDemandView');
  const entities = new Map(views.map(({ entity }) => [entity.name, entity]));
  const entity = entities.get(name);
  if (entity === undefined) throw fail('FORGET_ENTITY', { entity: name, known: [...entities.keys()] });
  const own = views.filter((view) => view.entity.name === name);
  const sources = new Map<EventSourceData, KeyColumns[]>();
  const carries = (source: EventSourceData, columns: KeyColumns) => {
    const known = sources.get(source) ?? [];
    if (!Object.values(columns).every((column) => Object.hasOwn(source.columns, column))) return;
    if (!known.some((other) => JSON.stringify(other) === JSON.stringify(columns)))
      sources.set(source, [...known, columns]);
  };
  const byName = Object.fromEntries(Object.keys(entity.key).map((part) => [part, part]));
  for (const view of own) {
    if (view.kind === 'streamView') carries(view.source, view.key);
    else for (const source of Object.values(view.reads)) carries(source, byName);
  }
  const services = project.services.flatMap((service) => {
    const keys = service.lookups.filter(({ view }) => view.entity.name === name).map(({ key }) => key);
    return keys.length === 0 ? [] : [{ service, keys }];
  });
  const models = project.models.filter((model) => services.some(({ service }) => service.name === model.service.name));
  for (const { spine, service } of models) {
    for (const key of services.find((one) => one.service.name === service.name)?.keys ?? []) carries(spine.from, key);
  }
  // Scores have the columns of the events that were scored.
  const copies = copiesOf(project);
  for (const _ of copies)
    for (const [source, copy] of copies) {
      for (const key of sources.get(source) ?? []) carries(copy, key);
      for (const key of sources.get(copy) ?? []) carries(source, key);
    }
  return {
    entity,
    sources: [...sources].map(([source, keys]) => ({ source, keys })),
    streamViews: own.filter((view): view is StreamViewData => view.kind === 'streamView'),
    batchViews: own.filter(({ kind }) => kind === 'batchView').map(({ name: view, version }) => `${view}@${version}`),
    services,
    models,
    foreignViews: views.filter((view) => view.entity.name !== name).map((view) => view.name),
    untouched: project.sources
      .filter((source) => !sources.has(source))
      .map((source) => `${source.name}@${source.version}`),
  };
}

/** The sources of streams, each with that of its scores. */
function copiesOf({ sources, streams = [] }: ProjectData): readonly (readonly [EventSourceData, EventSourceData])[] {
  return sources.flatMap((copy) =>
    streams.filter(({ name }) => name === copy.scores?.stream).map(({ from }) => [from, copy] as const),
  );
}
