import { parseArgs } from 'node:util';
import { runHistoryWorker } from '../../site/history-worker-main.ts';
import { commonOptions } from '../command.ts';
import { loadConfig } from '../open/load-config.ts';
import { parseValues } from '../options/option.ts';

// The process that writes a training set of the configuration that its arguments name.
runHistoryWorker(() => {
  const { values } = parseArgs({ options: { config: { type: 'string' }, env: { type: 'string' } } });
  return loadConfig({ options: parseValues(commonOptions, values) });
});
