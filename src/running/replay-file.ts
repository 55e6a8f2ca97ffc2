import { type FileReplay, type ReplayFileOptions, replayFile as replay } from '../playbook/file-replay/replay-file.ts';
import type { TableFile } from '../ports/table-file.ts';
import { openHeadrace } from './headrace.ts';
import { insideOf } from './inside.ts';

/** Replays a table by a project in its own folder. Errors: those of `playbook/file-replay/replay-file.ts`. */
export function replayFile(table: TableFile, options: ReplayFileOptions): Promise<FileReplay> {
  return replay(table, options, async ({ directory, ...place }) => {
    const headrace = await openHeadrace({ ...place, environment: { directory, sampleRate: 1 }, repeatable: true });
    return { headrace, stores: insideOf(headrace).stores };
  });
}
