import type { DeclaredPart } from './declaration-document.ts';
import type { FieldChange } from './field-changes.ts';

/** A change of a column: it is added, becomes nullable, or gets a type that holds every value of the old one. */
export interface ColumnChange {
  readonly column: string;
  readonly kind: 'add' | 'nullable' | 'widen' | 'reorder';
  readonly before: string | null;
  readonly after: string;
}

/** One thing that putting a declaration in the place of another does, or why it is refused. */
export type Change =
  /** The part is new; a stream view is filled from the history. */
  | { readonly kind: 'add'; readonly part: DeclaredPart }
  /** The part is no longer served; its history stays. */
  | { readonly kind: 'remove'; readonly part: DeclaredPart }
  /** Features come under the same version. */
  | { readonly kind: 'addFeatures'; readonly part: DeclaredPart; readonly features: readonly string[] }
  /** Features go under the same version. */
  | { readonly kind: 'removeFeatures'; readonly part: DeclaredPart; readonly features: readonly string[] }
  /** The view's tiles are recomputed from the history. */
  | { readonly kind: 'refillTiles'; readonly part: DeclaredPart; readonly fields: readonly FieldChange[] }
  /** Columns of a source become others that hold every row written before. */
  | { readonly kind: 'evolveColumns'; readonly part: DeclaredPart; readonly steps: readonly ColumnChange[] }
  /** Takes effect at once. */
  | { readonly kind: 'changeSettings'; readonly part: DeclaredPart; readonly fields: readonly FieldChange[] }
  /** The text of a function has changed: a warning. */
  | { readonly kind: 'changeCode'; readonly part: DeclaredPart }
  /** A new meaning under the old version. */
  | { readonly kind: 'refuseMeaning'; readonly part: DeclaredPart; readonly fields: readonly FieldChange[] }
  /** A version below one that there has been. */
  | { readonly kind: 'refuseVersion'; readonly part: DeclaredPart; readonly above: number };

const AREAS: Readonly<Record<DeclaredPart['kind'], string>> = {
  eventSource: 'source',
  streamView: 'view',
  batchView: 'view',
  onDemandView: 'view',
  featureService: 'service',
  model: 'model',
  pipeline: 'pipeline',
};

/** The name that a part goes by: views of all kinds share their names. */
export function partName({ kind, name }: DeclaredPart): string {
  return `${AREAS[kind]} ${name}`;
}

/** `view by_route@2`; a model has no version. */
export function partId(part: DeclaredPart): string {
  return part.version === null ? partName(part) : `${partName(part)}@${part.version}`;
}
