import { z } from 'zod';
import { type Json, ordered } from '../../base/canonical-json.ts';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { ProjectData } from '../define/declaration.ts';
import type { TilesKept } from '../tile/tiles-kept.ts';
import { modelPart, pipelinePart, servicePart, sourcePart, viewPart } from './declared-part.ts';
import { type SchemaTexts, schemasOfParts, withSchemas } from './source-schemas.ts';

export const DECLARATION_FORMAT = 3;

/** The format of a document without pipelines: older programs read it. */
const WITHOUT_PIPELINES = 2;

const kinds = [
  'eventSource',
  'streamView',
  'batchView',
  'onDemandView',
  'featureService',
  'model',
  'pipeline',
] as const;

const members = z.record(z.string(), z.json());

const partSchema = z.strictObject({
  kind: z.enum(kinds),
  name: z.string(),
  version: z.int().min(1).nullable(),
  meaning: members,
  features: members,
  tiles: z
    .strictObject({ aggregates: z.array(z.string()), keptMs: z.record(z.string(), z.number().nullable()) })
    .nullable(),
  settings: members,
  code: z.string().nullable(),
});

const columnsSchema = z.array(z.tuple([z.string(), z.string()]));

const documentSchema = z.strictObject({
  format: z.literal([WITHOUT_PIPELINES, DECLARATION_FORMAT]),
  project: z.string(),
  parts: z.array(partSchema),
  schemas: z.record(z.string(), z.array(columnsSchema).min(1)),
});

/** Before a source could have others, its columns were those of its part. */
const firstDocumentSchema = documentSchema.omit({ schemas: true }).extend({ format: z.literal(1) });

/** A declared part with one name and version. */
export interface DeclaredPart {
  readonly kind: (typeof kinds)[number];
  readonly name: string;
  /** null: the thing has no versions of its own (models: each training makes one). */
  readonly version: number | null;
  /** Answers depend on it: a change needs a new version. */
  readonly meaning: { readonly [field: string]: Json };
  /** The meaning of each feature, if features may be added and removed within one version. */
  readonly features: { readonly [feature: string]: Json };
  /** The tiles that a stream view stores: after a change they are recomputed from the history. */
  readonly tiles: TilesKept | null;
  /** Options that may change at any time. */
  readonly settings: { readonly [field: string]: Json };
  /** SHA-256 of the text of a function, white space aside: a change of it is worth a warning, and no more (it may be a comment). */
  readonly code: string | null;
}

/** A declaration as data that can be kept and compared. */
export interface DeclarationDocument {
  readonly format: typeof WITHOUT_PIPELINES | typeof DECLARATION_FORMAT;
  readonly project: string;
  /** Sources, views, services, models, pipelines; each kind by name. */
  readonly parts: readonly DeclaredPart[];
  /** The columns that rows of every earlier or present source were written with. */
  readonly schemas: SchemaTexts;
}

/** The document of a project that takes the place of another (null: of none). */
export function declarationDocument(
  project: ProjectData,
  before: DeclarationDocument | null = null,
): DeclarationDocument {
  const { pipelines = [] } = project;
  return {
    format: pipelines.length === 0 ? WITHOUT_PIPELINES : DECLARATION_FORMAT,
    project: project.name,
    schemas: withSchemas(before?.schemas ?? {}, project.sources),
    parts: [
      ...project.sources.map(sourcePart),
      ...project.views.map(viewPart),
      ...project.services.map(servicePart),
      ...project.models.map(modelPart),
      ...pipelines.map(pipelinePart),
    ],
  };
}

/** A document as the text that is kept: for one meaning always the same, format first. */
export function declarationJson(document: DeclarationDocument): string {
  const { format, project: name, parts, schemas } = document;
  const inOrder = parts.map(({ kind, name: part, version, ...rest }) => ({
    kind,
    name: part,
    version,
    ...(ordered({ ...rest, tiles: tilesJson(rest.tiles) }) as object),
  }));
  return `${JSON.stringify({ format, project: name, parts: inOrder, schemas }, null, 2)}\n`;
}

function tilesJson(tiles: TilesKept | null): Json {
  return tiles === null ? null : { aggregates: tiles.aggregates, keptMs: tiles.keptMs };
}

/** Reads a kept document. Errors: DECLARATION_TEXT, DECLARATION_FORMAT. */
export function parseDeclaration(text: string): DeclarationDocument {
  const json = parseJson(text);
  const format = z.looseObject({ format: z.int() }).safeParse(json);
  if (format.success && format.data.format > DECLARATION_FORMAT) {
    throw fail('DECLARATION_FORMAT', { found: format.data.format, known: DECLARATION_FORMAT });
  }
  if (format.success && format.data.format === 1) {
    const first = firstDocumentSchema.safeParse(json);
    if (!first.success) throw unreadable(first.error);
    return { ...first.data, format: WITHOUT_PIPELINES, schemas: schemasOfParts(first.data.parts) };
  }
  const parsed = documentSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw unreadable(parsed.error);
}

function unreadable({ issues: [issue] }: z.ZodError): Error {
  return fail('DECLARATION_TEXT', { reason: `${issue?.path.join('.') || 'document'}: ${issue?.message ?? ''}` });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail('DECLARATION_TEXT', { reason: reasonOf(error) }, error);
  }
}
