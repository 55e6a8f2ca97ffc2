import { type Command, served } from '../command.ts';

export const gpu: Command = {
  name: ['gpu'],
  stop: [served('gpu watch')],
  summary: 'explains why GPUs are idle: ranked causes from traces, counters and scheduler records',
  words: 'diagnose|compare|explain|watch …',
  arity: [0, Number.POSITIVE_INFINITY],
  options: {},
  help: {},
  readsArguments: true,
  async run({ words, terminal }) {
    const { runGpuCommand } = await import('../gpu-command.ts');
    process.exitCode = await runGpuCommand(words, {
      out: terminal.out,
      err: terminal.err,
      clock: Date.now,
      // Read by those that watch, and by no others.
      get stopped() {
        return terminal.stopped;
      },
    });
  },
};
