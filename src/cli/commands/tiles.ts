import { command, served } from '../command.ts';
import { deployOptions, stopOptions } from '../options/loaded-options.ts';

const none = { words: '', arity: [0, 0] } as const;

export const tilesDeploy = command({
  ...none,
  name: ['tiles', 'deploy'],
  stop: [served('with --watch')],
  summary: 'deploys the tile job, or resumes it from its last checkpoint',
  options: deployOptions,
  run: (call) => withRunner(({ runDeploy }) => runDeploy(call)),
});

export const tilesStatus = command({
  ...none,
  name: ['tiles', 'status'],
  summary: 'shows the state of every deployed tile job',
  run: (call) => withRunner(({ runStatus }) => runStatus(call)),
});

export const tilesUpgrade = command({
  ...none,
  name: ['tiles', 'upgrade'],
  summary:
    'starts the job of a changed declaration next to the old one, lets it catch up, and compares its tiles with the events',
  run: (call) => withRunner(({ runUpgrade }) => runUpgrade(call)),
});

export const tilesStop = command({
  ...none,
  name: ['tiles', 'stop'],
  summary: 'stops the job and keeps its state, from which the next deploy resumes',
  options: stopOptions,
  run: (call) => withRunner(({ runStop }) => runStop(call)),
});

export const tilesLogs = command({
  ...none,
  name: ['tiles', 'logs'],
  summary: 'lists the failures of the jobs, oldest first',
  run: (call) => withRunner(({ runLogs }) => runLogs(call)),
});

export const tilesWrite = command({
  ...none,
  name: ['tiles', 'write'],
  stop: [served()],
  summary: "writes tiles to Redis, of the log or of a job; run one or more with online.writers: 'many'",
  run: (call) => withRunner(({ runWrite }) => runWrite(call)),
});

/** Loaded on use: help does not need it. */
async function withRunner(run: (runner: typeof import('../operating/run-tiles.ts')) => Promise<void>): Promise<void> {
  await run(await import('../operating/run-tiles.ts'));
}
