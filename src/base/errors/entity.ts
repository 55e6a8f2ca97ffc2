import { never } from './row.ts';

/** Errors of entity keys. */
export const entityErrors = {
  ENTITY_KEY_TYPE: never(400, 2)
    .message('the entity key column {column} is of type {type}')
    .hint('use text, int, int64, decimal, bool or time: a key needs exact equality'),
  ENTITY_KEY: never(400, 3)
    .message('the text {key} is not an encoded key of the entity')
    .hint('encode keys with the codec of the same entity'),
};
