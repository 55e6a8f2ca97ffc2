import { fail } from '../../base/errors/fail.ts';
import { checkName, checkNames } from './check-name.ts';
import { type ColumnMap, columnSpecs, columnTags, type TagsOf } from './column-factories.ts';
import type { EntityData } from './declaration.ts';
import { freeze } from './freeze.ts';
import type { Tags } from './tag.ts';

/** An entity, with the tags of its key. */
export interface Entity<K extends Tags> extends EntityData {
  readonly inputs: K;
}

/** A thing that has features, by the columns of its key: `entity('route', { origin: text(), destination: text() })`. Errors: NAME_TEXT, KEY_TYPE. */
export function entity<C extends ColumnMap>(name: string, key: C): Entity<TagsOf<C>> {
  checkName('entity', name);
  checkNames('key column', name, key);
  for (const [column, { type, nullable }] of Object.entries(key)) {
    if (type === 'float' || type === 'list' || type === 'embedding' || nullable)
      throw fail('KEY_TYPE', { entity: name, column, type: nullable ? `${type}?` : type });
  }
  return freeze({ kind: 'entity', name, key: columnSpecs(key), inputs: columnTags(key) });
}
