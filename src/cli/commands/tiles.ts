import type { Command } from '../command.ts';

const none = { words: '', arity: [0, 0], options: {}, help: {} } as const;

export const tilesDeploy: Command = {
  ...none,
  name: ['tiles', 'deploy'],
  also: ['flink', 'deploy'],
  summary: 'sees to it that the job that makes the tiles of the declaration runs, from where it stood',
  options: { fresh: { type: 'boolean' }, watch: { type: 'boolean' } },
  help: {
    fresh: 'begin at the begin of the log, not at the newest checkpoint or savepoint',
    watch: 'stay, note its checkpoints, and submit it again where the cluster lost it',
  },
  run: (call) => withRunner(({ runDeploy }) => runDeploy(call)),
};

export const tilesStatus: Command = {
  ...none,
  name: ['tiles', 'status'],
  also: ['flink', 'status'],
  summary: 'how every job that was deployed for tiles stands',
  run: (call) => withRunner(({ runStatus }) => runStatus(call)),
};

export const tilesUpgrade: Command = {
  ...none,
  name: ['tiles', 'upgrade'],
  also: ['flink', 'upgrade'],
  summary:
    'starts the job of a changed declaration beside the old one, waits until it has caught up, and compares its tiles with the events',
  run: (call) => withRunner(({ runUpgrade }) => runUpgrade(call)),
};

export const tilesStop: Command = {
  ...none,
  name: ['tiles', 'stop'],
  also: ['flink', 'stop'],
  summary: 'ends the job, keeping its state, from which the next deploy goes on',
  options: { others: { type: 'boolean' } },
  help: { others: 'end the jobs of earlier declarations instead' },
  run: (call) => withRunner(({ runStop }) => runStop(call)),
};

export const tilesLogs: Command = {
  ...none,
  name: ['tiles', 'logs'],
  also: ['flink', 'logs'],
  summary: 'what went wrong in the jobs, oldest first',
  run: (call) => withRunner(({ runLogs }) => runLogs(call)),
};

export const tilesWrite: Command = {
  ...none,
  name: ['tiles', 'write'],
  summary:
    "writes the tiles of the job to the Redis; start as many as it takes, where the environment says online.writers: 'many'",
  run: (call) => withRunner(({ runWrite }) => runWrite(call)),
};

/** Loaded here: help does without. */
async function withRunner(run: (runner: typeof import('../run-tiles.ts')) => Promise<void>): Promise<void> {
  await run(await import('../run-tiles.ts'));
}
