import { runHistoryWorker } from './history-worker-main.ts';

// The process that writes the training set of a model that comes as data.
runHistoryWorker(async ({ declared }) => {
  if (declared === null) throw new TypeError('the message names no model');
  return { project: { models: [declared.model], services: [] }, environment: declared.environment };
});
