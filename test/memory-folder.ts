import { useMemoryFolder } from '../scripts/memory-folder.ts';

/** Before the first and after the last test file of a run. */
export function setup(): () => void {
  return useMemoryFolder();
}
