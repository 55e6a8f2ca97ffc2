import { z } from 'zod';
import { placedDeclaration } from '../../environment/place-declaration.ts';
import { type SchemaTexts, schemasOf } from '../../features/change/source-schemas.ts';
import type {
  EventSourceData,
  FeatureServiceData,
  ModelData,
  ProjectData,
  ServiceExpression,
  ViewData,
} from '../../features/define/declaration.ts';
import type { Columns } from '../../schema/column.ts';
import { typeText } from '../../schema/type-text.ts';
import { json, jsonAnswer, type ReadRoute } from '../route.ts';

const column = z.object({ name: z.string(), type: z.string(), unit: z.string().nullable() });

const sourceSchema = z.object({
  name: z.string(),
  version: z.int(),
  columns: z.array(column),
  earlier: z
    .array(z.array(z.object({ name: z.string(), type: z.string() })))
    .describe('the columns that events of this version were written with before, first to last'),
  latenessMs: z.number(),
  futureSkewMs: z.number(),
  of: z.enum(['events', 'changes', 'scores']),
});

const viewSchema = z.object({
  name: z.string(),
  version: z.int(),
  kind: z.enum(['streamView', 'batchView', 'onDemandView']),
  reads: z.array(z.string()).describe('names of sources'),
  entity: z.string().nullable(),
  features: z.array(column),
  freshnessMs: z.number().nullable(),
  schedule: z.string().nullable().describe('cron, UTC'),
});

const serviceSchema = z.object({
  name: z.string(),
  version: z.int(),
  request: z.array(column),
  p99Ms: z.number().nullable(),
  features: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      tier: z.enum(['request', 'streaming', 'batch']),
      views: z.array(z.string()).describe('names of the views that its value comes from'),
    }),
  ),
});

const modelSchema = z.object({
  name: z.string(),
  task: z.enum(['binary', 'regression']),
  service: z.string(),
  spine: z.string().describe('the source of its requests'),
  label: z.object({ from: z.string(), withinMs: z.number() }),
  p99Ms: z.number().nullable(),
  trainer: z.string(),
  monitors: z.int(),
  playbook: z.boolean(),
});

const projectSchema = z.object({
  name: z.string(),
  sources: z.array(sourceSchema),
  views: z.array(viewSchema),
  services: z.array(serviceSchema),
  models: z.array(modelSchema),
  streams: z.array(z.object({ name: z.string(), model: z.string(), from: z.string(), to: z.string() })),
});

/** The declaration in short: what reads what. */
export const readProject: ReadRoute = {
  method: 'GET',
  path: '/v1/project',
  operationId: 'readProject',
  tag: 'operations',
  access: 'reads',
  scopes: ['read'],
  changes: null,
  page: { takes: '', answers: 'the declaration in short: sources, views, services, models and streams' },
  errors: ['DECLARATION_TEXT', 'CONFIG_DIRECTORY'],
  shapes: (_, define) => [
    { summary: 'The declaration in short.', answers: { 200: json(define('Project', projectSchema)) } },
  ],
  run: ({ served }) => {
    const schemas = placedDeclaration(served.directory)?.schemas ?? {};
    return jsonAnswer(projectReport(served.project, schemas));
  },
};

function projectReport(
  { name, sources, views, services, models, streams = [] }: ProjectData,
  schemas: SchemaTexts,
): z.infer<typeof projectSchema> {
  return {
    name,
    sources: sources.map((source) => sourceReport(source, schemas)),
    views: views.map(viewReport),
    services: services.map(serviceReport),
    models: models.map(modelReport),
    streams: streams.map(({ name: stream, model, from, to }) => ({
      name: stream,
      model: model.name,
      from: from.name,
      to,
    })),
  };
}

function columnsOf(columns: Columns): z.infer<typeof column>[] {
  return Object.entries(columns).map(([name, spec]) => ({ name, type: typeText(spec), unit: spec.unit ?? null }));
}

function sourceReport(source: EventSourceData, schemas: SchemaTexts) {
  const { name, version, columns, latenessMs, futureSkewMs, changes, scores } = source;
  const of = scores !== undefined ? 'scores' : changes !== undefined ? 'changes' : 'events';
  const earlier = schemasOf(schemas, source)
    .slice(0, -1)
    .map((before) => columnsOf(before).map((one) => ({ name: one.name, type: one.type })));
  return { name, version, columns: columnsOf(columns), earlier, latenessMs, futureSkewMs, of } as const;
}

function viewReport(view: ViewData): z.infer<typeof viewSchema> {
  const { name, version, kind } = view;
  switch (kind) {
    case 'streamView': {
      const features = view.features.map((one) => ({ name: one.name, type: typeText(one.type), unit: null }));
      const { source, entity, freshnessMs } = view;
      return { name, version, kind, reads: [source.name], entity: entity.name, features, freshnessMs, schedule: null };
    }
    case 'batchView': {
      const { entity, freshnessMs, schedule } = view;
      const reads = Object.values(view.reads).map((source) => source.name);
      return {
        name,
        version,
        kind,
        reads,
        entity: entity.name,
        features: columnsOf(view.features),
        freshnessMs,
        schedule,
      };
    }
    case 'onDemandView':
      return {
        name,
        version,
        kind,
        reads: [],
        entity: null,
        features: columnsOf(view.features),
        freshnessMs: null,
        schedule: null,
      };
    default:
      return view satisfies never;
  }
}

function serviceReport(service: FeatureServiceData): z.infer<typeof serviceSchema> {
  const { name, version, request, p99Ms, features } = service;
  return {
    name,
    version,
    request: columnsOf(request),
    p99Ms,
    features: features.map((one) => ({
      name: one.name,
      type: typeText(one.type),
      tier: one.tier,
      views: [...new Set(viewsOf(service, one.from))],
    })),
  };
}

/** The views behind an entry of a service: of a lookup its own, of a computed entry those of its inputs too. */
function viewsOf({ lookups, computed }: FeatureServiceData, alias: string): readonly string[] {
  const viewOf = (name: string) => lookups.find((one) => one.alias === name)?.view.name ?? [];
  const ofExpression = (from: ServiceExpression): readonly string[] => {
    if (from.kind === 'feature') return [viewOf(from.lookup)].flat();
    return from.kind === 'orElse' ? ofExpression(from.of) : [];
  };
  const entry = computed.find((one) => one.alias === alias);
  if (entry === undefined) return [viewOf(alias)].flat();
  if (entry.kind === 'value') return ofExpression(entry.of);
  return [entry.view.name, ...Object.values(entry.inputs).flatMap(ofExpression)];
}

function modelReport(model: ModelData): z.infer<typeof modelSchema> {
  const { name, task, service, spine, label, p99Ms, train, monitors, playbook } = model;
  return {
    name,
    task,
    service: service.name,
    spine: spine.from.name,
    label: { from: label.from.name, withinMs: label.withinMs },
    p99Ms,
    trainer: train.with.kind,
    monitors: monitors.length,
    playbook: Object.keys(playbook).length > 0,
  };
}
