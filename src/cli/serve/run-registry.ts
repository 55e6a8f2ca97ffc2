import { settlesWithin } from '../../base/closing.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { every } from '../../base/ticking.ts';
import { consoleAddress } from '../../ports/console-address.ts';
import { endWithParent } from '../../process/end-with-parent.ts';
import type { ListenOptions } from '../../server/listen-options.ts';
import type { Call } from '../command.ts';
import { loadConfig } from '../open/load-config.ts';
import type { registryOptions } from '../options/loaded-options.ts';
import { endingOf, type endingOptions, endSoon } from './ending.ts';

const PORT = 5_000;

/** Time between two looks for deliveries to webhooks that are due, ms. */
const DELIVER_MS = 1_000;

/** Versions of MLflow's interface that `/version` names: clients compare it with their own. */
const MLFLOW_VERSION = '3.17.2';

/** Serves the registry of an environment until the call is asked to stop. Errors: REGISTRY_*, ARTIFACT_CLIENT, AUTH_*, SERVER_ADDRESS. */
export async function runRegistry(
  call: Call<typeof registryOptions & typeof endingOptions>,
  listen: ListenOptions,
  started: (url: string) => void,
): Promise<void> {
  const { Site } = await import('../../site/site.ts');
  const { openMlflowContext } = await import('../../server/mlflow/mlflow-context.ts');
  const { startRegistryServer } = await import('../../server/mlflow/registry-server.ts');
  const { promotionCheck } = await import('../../registry/promotion-check.ts');
  const { project, environment } = await loadConfig(call);
  const { directory } = environment;
  const onFault = (error: unknown) => call.terminal.err(`headrace: ${reasonOf(error)}`);
  // Next to a server it ends with it.
  if (process.connected) endWithParent();
  const ending = endingOf(call);
  const site = new Site({ project, environment, onFault });
  try {
    site.makeDirectory();
    const { registry, artifacts } = await site.open('registry', 'artifacts');
    const context = openMlflowContext({
      registry,
      artifacts,
      clock: Date.now,
      webhooks: environment.registry.webhooks,
      checkPromotion: promotionCheck(project, { registry, artifacts }),
      onFault,
    });
    const port = call.options.port ?? environment.registry.port ?? PORT;
    const page = call.options.console ?? environment.alerts.link;
    const server = await startRegistryServer(context, {
      ...{ ...listen, port, directory, version: MLFLOW_VERSION, onFault },
      ...(page === undefined ? {} : { console: consoleAddress(page) }),
    });
    started(server.url);
    const delivering = every(DELIVER_MS, () => context.deliver(), onFault);
    await ending.stopped;
    await settlesWithin(Promise.all([server.close(), delivering.stop()]), ending.answersMs);
  } finally {
    await settlesWithin(site.close(), ending.restMs());
    endSoon();
  }
}
