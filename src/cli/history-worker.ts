import { parseArgs } from 'node:util';
import { runHistoryWorker } from '../site/history-worker-main.ts';
import { loadConfig } from './load-config.ts';

// The process that writes a training set of the configuration that its arguments name.
runHistoryWorker(() => {
  const { values } = parseArgs({ options: { config: { type: 'string' }, env: { type: 'string' } } });
  return loadConfig({ options: { ...values } });
});
