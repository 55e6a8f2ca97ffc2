import { valkeyBinary } from './binaries.ts';
import { singleServer } from './single-server.ts';

/** Valkey, of the newest line. */
export const valkey = singleServer('valkey', valkeyBinary);
