import { DAY_MS } from '../../base/time.ts';
import { auditedCommand } from '../audit.ts';
import { command } from '../command.ts';
import { option } from '../option.ts';
import { duration } from '../option-kinds.ts';
import { withRegistry } from '../with-registry.ts';

export const registryPurge = command({
  name: ['registry', 'purge'],
  summary: 'removes deleted runs and experiments for good, then the artefacts that nothing needs',
  words: '',
  arity: [0, 0],
  options: { older: option(duration, 'how long ago they were deleted', 30 * DAY_MS) },
  run: (call) =>
    withRegistry(call, async (open) => {
      const { purge } = await import('../../registry/purge.ts');
      const { collectGarbage } = await import('../../registry/collect-garbage.ts');
      const { older } = call.options;
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
});
