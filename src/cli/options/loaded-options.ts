import { port } from '../serve/listen-options-of.ts';
import { serverOptions } from '../serve/run-server.ts';
import { flag, needed, option } from './option.ts';
import { address, name } from './option-kinds.ts';

// Options of commands whose bodies are files of their own: both the form and the body need their types.

export const devOptions = {
  ...serverOptions,
  reset: flag('remove the data of the environment first; API keys and the audit log stay'),
};

/** Clients of MLflow print addresses of runs at the registry. */
export const registryOptions = {
  port: option(port, 'port to listen on; 0 for a free one (registry.port of the environment, or 5000)'),
  console: option(address, 'address of the console, where browsers are sent (alerts.link of the environment)'),
};

export const migrateOptions = {
  to: needed(name('the name of an environment'), 'the new environment; --env names the old one'),
};

export const migrateCopyOptions = {
  ...migrateOptions,
  watch: flag('stay: copy and compare new data until it is stopped'),
};

export const deployOptions = {
  fresh: flag('start at the beginning of the log, not at the newest checkpoint or savepoint'),
  watch: flag('keep running: record its checkpoints, and resubmit it if the cluster loses it'),
};

export const stopOptions = { others: flag('stop the jobs of earlier declarations instead') };
