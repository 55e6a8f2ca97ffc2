import { parseDuration } from '../../base/time.ts';
import { auditedCommand } from '../audit.ts';
import type { Command } from '../command.ts';
import { withRegistry } from '../with-registry.ts';

/** Without --older, ms: 30 days. */
const OLDER = '30d';

export const registryPurge: Command = {
  name: ['registry', 'purge'],
  summary: 'removes deleted runs and experiments for good, then the artefacts that nothing needs',
  words: '',
  arity: [0, 0],
  options: { older: { type: 'string' } },
  help: { older: 'how long ago they were deleted (30d)' },
  run: (call) =>
    withRegistry(call, async (open) => {
      const { purge } = await import('../../registry/purge.ts');
      const { collectGarbage } = await import('../../registry/collect-garbage.ts');
      const older = parseDuration(String(call.options['older'] ?? OLDER), '--older');
      const now = Date.now();
      const { purged, collected } = await auditedCommand(
        open.environment.directory,
        'registry purge',
        `older than ${older} ms`,
        async () => ({
          purged: await purge(open.registry, now - older),
          collected: await collectGarbage(open, now),
        }),
      );
      if (call.json) return call.terminal.out(JSON.stringify({ ...purged, ...collected }));
      call.terminal.out(
        `${purged.runs} runs and ${purged.experiments} experiments removed, ${collected.erased} artefacts erased`,
      );
    }),
};
