import { SOURCE_FAULTS } from '../monitoring/detect/fault-text.ts';
import type { SeenWindow } from '../ports/playbook-store.ts';

/** Windows in which a feature was judged, whatever was found. */
const JUDGED = ['ok', 'drift', 'fault'];

/** Whether the features of a window were judged: a source that stands still may leave too few rows for those of others. */
export function isJudged({ state, faults }: Pick<SeenWindow, 'state' | 'faults'>): boolean {
  return JUDGED.includes(state) && (state !== 'fault' || faults.some(({ kind }) => !SOURCE_FAULTS.includes(kind)));
}
