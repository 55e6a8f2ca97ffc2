import { command } from '../command.ts';
import { spanOptions, withWatched } from '../with-watched.ts';

export const driftCauses = command({
  name: ['drift', 'causes'],
  summary:
    'weighs what changed in a span of a model: each feature in the change of the loss, and what happened upstream',
  words: '<model>',
  arity: [1, 1],
  options: spanOptions,
  async run(call) {
    const { causesOf } = await import('../../monitoring/cause/causes.ts');
    const { causeLines } = await import('../../monitoring/cause/cause-text.ts');
    await withWatched(call, async (opened) => {
      const report = await causesOf(opened);
      if (call.json) call.terminal.out(JSON.stringify(report));
      else for (const line of causeLines(report)) call.terminal.out(line);
    });
  },
});
