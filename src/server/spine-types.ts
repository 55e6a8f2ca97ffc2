import type { SpineFormat } from '../featurestore/training-set/spine-file.ts';

/** Media types of a spine that is sent, with its format. */
export const SPINE_TYPES: Readonly<Record<string, SpineFormat>> = {
  'application/vnd.apache.parquet': 'parquet',
  'application/parquet': 'parquet',
  'text/csv': 'csv',
  'text/tab-separated-values': 'tsv',
  'application/x-ndjson': 'jsonl',
};
