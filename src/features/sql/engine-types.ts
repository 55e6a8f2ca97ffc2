import type { SqlType } from '../plan/table.ts';

/** The types of columns as Flink and Spark both write them in a declaration. */
export const ENGINE_TYPES: Readonly<Record<SqlType, string>> = {
  BIGINT: 'BIGINT',
  DOUBLE: 'DOUBLE',
  BOOLEAN: 'BOOLEAN',
  STRING: 'STRING',
  DECIMAL: 'DECIMAL(38,0)',
  'LIST<BIGINT>': 'ARRAY<BIGINT>',
  'LIST<DOUBLE>': 'ARRAY<DOUBLE>',
  'LIST<STRING>': 'ARRAY<STRING>',
  'LIST<BOOLEAN>': 'ARRAY<BOOLEAN>',
};
