import type { Command } from '../command.ts';

const none = { words: '', arity: [0, 0], options: {}, help: {} } as const;

export const flinkDeploy: Command = {
  ...none,
  name: ['flink', 'deploy'],
  summary: 'sees to it that the Flink job of the declaration runs, from where it stood',
  options: { fresh: { type: 'boolean' }, watch: { type: 'boolean' } },
  help: {
    fresh: 'begin at the begin of the log, not at the newest checkpoint or savepoint',
    watch: 'stay, note its checkpoints, and submit it again where the cluster lost it',
  },
  run: (call) => withRunner(({ runDeploy }) => runDeploy(call)),
};

export const flinkStatus: Command = {
  ...none,
  name: ['flink', 'status'],
  summary: 'how every Flink job that was deployed stands',
  run: (call) => withRunner(({ runStatus }) => runStatus(call)),
};

export const flinkUpgrade: Command = {
  ...none,
  name: ['flink', 'upgrade'],
  summary:
    'starts the job of a changed declaration beside the old one, waits until it has caught up, and compares its tiles with the events',
  run: (call) => withRunner(({ runUpgrade }) => runUpgrade(call)),
};

export const flinkStop: Command = {
  ...none,
  name: ['flink', 'stop'],
  summary: 'ends the Flink job with a savepoint, from which the next deploy goes on',
  options: { others: { type: 'boolean' } },
  help: { others: 'end the jobs of earlier declarations instead' },
  run: (call) => withRunner(({ runStop }) => runStop(call)),
};

export const flinkLogs: Command = {
  ...none,
  name: ['flink', 'logs'],
  summary: 'what went wrong in the Flink jobs, oldest first',
  run: (call) => withRunner(({ runLogs }) => runLogs(call)),
};

/** Loaded here: help does without. */
async function withRunner(run: (runner: typeof import('../run-flink.ts')) => Promise<void>): Promise<void> {
  await run(await import('../run-flink.ts'));
}
