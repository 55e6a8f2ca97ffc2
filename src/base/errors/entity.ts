import { rows } from './row.ts';

/** Errors of entity keys. */
export const entityErrors = rows({
  ENTITY_KEY_TYPE: {
    message: 'the entity key column {column} is of type {type}',
    hint: 'use text, int, int64, decimal, bool or time: a key needs exact equality',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  ENTITY_KEY: {
    message: 'the text {key} is not an encoded key of the entity',
    hint: 'encode keys with the codec of the same entity',
    retry: 'never',
    status: 400,
    exit: 3,
  },
});
