/**
 * Names in generated SQL. Declared names stand behind a prefix, so that none is a reserved word of any engine and the
 * shared text needs no quotes; declared names themselves are written (quoted) only where tables are read.
 */
export const sourceColumn = (name: string): string => `c_${name}`;
export const keyColumn = (name: string): string => `${KEY_PREFIX}${name}`;
export const requestColumn = (name: string): string => `r_${name}`;
export const featureColumn = (name: string): string => `${FEATURE_PREFIX}${name}`;

/** The same prefixes name the columns of tables of views, which no declared name may meet either. */
export const KEY_PREFIX = 'k_';
export const FEATURE_PREFIX = 'f_';

/** Additional columns of deliveries and events. */
export const ID = 'id';
export const TS = 'ts';
export const INGEST = 'ingest_ts';
/** Of a source of changes: when the change happened, and 1 or −1 for a row's image that is put in or taken away. */
export const CHANGED = 'changed';
export const SIGN = 'sign';
export const PARTITION_NO = 'partition_no';
export const LOG_OFFSET = 'log_offset';
export const JUDGED = 'verdict';

/** The instant that a spine row asks for. */
export const ASKED = 'q';
