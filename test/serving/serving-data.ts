import { existsSync } from 'node:fs';

const root = new URL('../../../shared/data/serving/', import.meta.url);

/** Models, recorded requests and known answers, outside the repository. */
export const servingData = root;

/** Says in the name of a suite whether its data is there. */
export const skipNote = existsSync(root) ? 'shared data' : 'SKIPPED: ../shared/data/serving is absent';
