import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { type Environment, resolveEnvironment } from '../../environment/config.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { VersionAddress } from '../../registry/version-address.ts';
import { batchContext } from '../../running/batch-context.ts';
import type { SpineJoin } from '../../serving/batch/input-table.ts';
import { type BatchOptions, startBatch } from '../../serving/batch/start-batch.ts';
import { registryOf } from '../../site/back-ends/registries.ts';
import { withSite } from '../../site/site.ts';
import type { Call } from '../command.ts';
import { configPath, loadConfig } from '../open/load-config.ts';
import type { Option } from '../options/option.ts';
import type { BatchAnswer } from './batch-beside.ts';

/** The folder of an environment without a configuration. */
const DIRECTORY = '.headrace';

/**
 * Scores files by a version of the registry, which no project has to declare: its own signature says what it reads. Another process may
 * have the registry open. Errors: PREDICT_REGISTRY, REGISTRY_ALIAS, REGISTRY_VERSION, those of batch jobs.
 */
type Asked = Call<{ readonly registry: Option<string | undefined> }>;

export async function predictVersion(
  call: Asked,
  address: VersionAddress,
  options: BatchOptions,
): Promise<BatchAnswer> {
  if (options.spine !== undefined) throw noService();
  const environment = await environmentOf(call);
  return withSite({ environment }, async (site) => {
    const { artifacts, registry } = await site.open('artifacts', 'registry');
    const version = await numberOf(registry, address);
    const context = batchContext(environment, { registry, artifacts, joins: NO_JOINS });
    const { id, result } = await startBatch(
      { kind: 'registered', name: address.model },
      { ...options, version },
      context,
    );
    call.terminal.err(`headrace: job ${id}`);
    return { ...(await result), shadow: null };
  });
}

/** The environment that a call names: by the folder of its registry, by the configuration, or the one in the usual folder. */
async function environmentOf(call: Asked): Promise<Environment> {
  const { registry, config } = call.options;
  if (registry === undefined && (config !== undefined || existsSync(configPath(call)))) {
    const { environment } = await loadConfig(call);
    mkdirSync(environment.directory, { recursive: true });
    return environment;
  }
  const directory = resolve(registry ?? DIRECTORY);
  const environment = resolveEnvironment('local', { directory }, 'predict');
  if (!registryOf(environment).mayHave('registry')) throw fail('PREDICT_REGISTRY', { path: directory });
  return environment;
}

async function numberOf(registry: ModelRegistry, { model, version, alias }: VersionAddress): Promise<number> {
  if (alias === null) return Number(version);
  const number = await registry.alias(model, alias);
  if (number === null) throw fail('REGISTRY_ALIAS', { model, alias });
  return number;
}

const NO_JOINS: SpineJoin = {
  position: () => Promise.reject(noService()),
  join: () => Promise.reject(noService()),
};

function noService(): Error {
  return fail('PREDICT_SPINE', { reason: 'only a declared model has a service of features' });
}
