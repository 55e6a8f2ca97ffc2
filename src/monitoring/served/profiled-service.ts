import type { FeatureServiceData } from '../../features/define/declaration.ts';
import type { ColumnSpec } from '../../schema/column.ts';

/** How the values of a feature come in a batch: as numbers, as texts, or as 0 and 1 that stand for the texts of a bool. */
export type ProfiledKind = 'number' | 'bool' | 'text';

/** A feature that is profiled; its value is at `place` of a vector, and a decimal has `scale` digits after the point. */
export interface ProfiledFeature {
  readonly name: string;
  readonly place: number;
  readonly kind: ProfiledKind;
  readonly scale: number;
}

/** A service as profiles know it: plain data, which another thread understands. */
export interface ProfiledService {
  /** `shop@1` */
  readonly id: string;
  readonly numbers: readonly ProfiledFeature[];
  readonly texts: readonly ProfiledFeature[];
}

/** Lists and embeddings are not profiled: a sketch of their texts says nothing. */
const KINDS: Readonly<Record<ColumnSpec['type'], ProfiledKind | null>> = {
  int: 'number',
  int64: 'number',
  decimal: 'number',
  float: 'number',
  time: 'number',
  bool: 'bool',
  text: 'text',
  list: null,
  embedding: null,
};

/** The features of a service that are profiled: all but lists and embeddings. */
export function profiledService({ name, version, features }: FeatureServiceData): ProfiledService {
  const all = features.flatMap(({ name: feature, type }, place): readonly ProfiledFeature[] => {
    const kind = KINDS[type.type];
    return kind === null ? [] : [{ name: feature, place, kind, scale: type.scale ?? 0 }];
  });
  return {
    id: `${name}@${version}`,
    numbers: all.filter(({ kind }) => kind !== 'text'),
    texts: all.filter(({ kind }) => kind === 'text'),
  };
}
