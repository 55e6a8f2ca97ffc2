import { write } from '../ingest/write.ts';

export const read = () => write;
