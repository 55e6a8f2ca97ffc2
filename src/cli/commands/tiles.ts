import { type Command, served } from '../command.ts';

const none = { words: '', arity: [0, 0], options: {}, help: {} } as const;

export const tilesDeploy: Command = {
  ...none,
  name: ['tiles', 'deploy'],
  also: ['flink', 'deploy'],
  stop: [served('with --watch')],
  summary: 'deploys the tile job, or resumes it from its last checkpoint',
  options: { fresh: { type: 'boolean' }, watch: { type: 'boolean' } },
  help: {
    fresh: 'start at the beginning of the log, not at the newest checkpoint or savepoint',
    watch: 'keep running: record its checkpoints, and resubmit it if the cluster loses it',
  },
  run: (call) => withRunner(({ runDeploy }) => runDeploy(call)),
};

export const tilesStatus: Command = {
  ...none,
  name: ['tiles', 'status'],
  also: ['flink', 'status'],
  summary: 'shows the state of every deployed tile job',
  run: (call) => withRunner(({ runStatus }) => runStatus(call)),
};

export const tilesUpgrade: Command = {
  ...none,
  name: ['tiles', 'upgrade'],
  also: ['flink', 'upgrade'],
  summary:
    'starts the job of a changed declaration next to the old one, lets it catch up, and compares its tiles with the events',
  run: (call) => withRunner(({ runUpgrade }) => runUpgrade(call)),
};

export const tilesStop: Command = {
  ...none,
  name: ['tiles', 'stop'],
  also: ['flink', 'stop'],
  summary: 'stops the job and keeps its state, from which the next deploy resumes',
  options: { others: { type: 'boolean' } },
  help: { others: 'stop the jobs of earlier declarations instead' },
  run: (call) => withRunner(({ runStop }) => runStop(call)),
};

export const tilesLogs: Command = {
  ...none,
  name: ['tiles', 'logs'],
  also: ['flink', 'logs'],
  summary: 'lists the failures of the jobs, oldest first',
  run: (call) => withRunner(({ runLogs }) => runLogs(call)),
};

export const tilesWrite: Command = {
  ...none,
  name: ['tiles', 'write'],
  stop: [served()],
  summary: "writes the tiles of the job to Redis; run one or more with online.writers: 'many'",
  run: (call) => withRunner(({ runWrite }) => runWrite(call)),
};

/** Loaded on use: help does not need it. */
async function withRunner(run: (runner: typeof import('../run-tiles.ts')) => Promise<void>): Promise<void> {
  await run(await import('../run-tiles.ts'));
}
