import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Config, Environment } from '../../environment/config.ts';
import type { ProjectData } from '../../features/define/declaration.ts';
import type { CommonOptions } from '../command.ts';

const DEFAULT_FILE = 'headrace.config.ts';
const DEFAULT_ENVIRONMENT = 'local';

/** The file of the configuration that a call names. */
export function configPath({ options }: CommonOptions): string {
  return resolve(options.config ?? DEFAULT_FILE);
}

/** The words that name the configuration and environment of a call to another process. */
export function placeWords({ options: { config, env } }: CommonOptions): readonly string[] {
  return [...(config === undefined ? [] : [`--config=${config}`]), ...(env === undefined ? [] : [`--env=${env}`])];
}

/** Loads the configuration that a call names and the environment in it, or another of it. Errors: CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_OPTION. */
export async function loadConfig(
  { options }: CommonOptions & { readonly options: { readonly workers?: number | undefined } },
  name = options.env ?? DEFAULT_ENVIRONMENT,
): Promise<{ project: ProjectData; environment: Environment }> {
  const path = configPath({ options });
  const config = await importConfig(path);
  // Own names only: "__proto__" is one of every object.
  const environment = Object.hasOwn(config.environments, name) ? config.environments[name] : undefined;
  if (environment === undefined) throw fail('CONFIG_ENVIRONMENT', { name, known: Object.keys(config.environments) });
  const { resolveEnvironment } = await import('../../environment/config.ts');
  const { defaultMemory } = await import('../../environment/memory-shares.ts');
  const { machineMemory } = await import('../../environment/machine-memory.ts');
  // One writes next to those that read.
  const otherwise = defaultMemory(machineMemory(), 1 + (options.workers ?? 0));
  const { project } = config;
  return { project, environment: resolveEnvironment(name, environment, project.name, otherwise) };
}

async function importConfig(path: string): Promise<Config> {
  if (!existsSync(path)) throw fail('CONFIG_FILE', { path, reason: 'the file does not exist' });
  let loaded: { readonly default?: unknown };
  try {
    loaded = await import(pathToFileURL(path).href);
  } catch (error) {
    if (error instanceof Error && error.name === 'HeadraceError') throw error;
    throw fail('CONFIG_FILE', { path, reason: importFault(error) }, error);
  }
  const config = loaded.default;
  if (!isConfig(config))
    throw fail('CONFIG_FILE', { path, reason: 'its default export is not made with defineConfig' });
  return config;
}

/** Why a module cannot be imported. `npm init` makes packages whose files are CommonJS. */
function importFault(error: unknown): string {
  const reason = reasonOf(error);
  if (!reason.includes('import statement outside a module')) return reason;
  return 'it is read as CommonJS: the type in package.json must be module';
}

function isConfig(value: unknown): value is Config {
  return (
    typeof value === 'object' &&
    value !== null &&
    'environments' in value &&
    typeof value.environments === 'object' &&
    'project' in value &&
    typeof value.project === 'object' &&
    value.project !== null &&
    'kind' in value.project &&
    value.project.kind === 'project'
  );
}
