export { write } from '../featurestore/ingest/write.ts';
