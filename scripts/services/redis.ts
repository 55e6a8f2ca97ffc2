import { redisBinary } from './binaries.ts';
import { singleServer } from './single-server.ts';

/** Redis as Debian has it. */
export const redis = singleServer('redis', redisBinary);
