import { expect, test } from 'vitest';
import { openMonitor, openPlaybookStores } from '../../src/compose/open-monitor.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { watchedProject } from '../playbook/watched-project.ts';
import { newRoot } from '../stores/new-root.ts';

const { project } = watchedProject({ mode: 'dryRun' });

/** Nothing listens there. */
const AWAY = 'postgres://nobody@127.0.0.1:1/none';

test.each([
  ['monitors', (environment: Parameters<typeof openMonitor>[1]) => openMonitor(project, environment)],
  ['playbooks', openPlaybookStores],
])('%s of a registry that is away fail, and do not judge an empty one', async (_, open) => {
  const directory = newRoot();
  const environment = resolveEnvironment(
    'shared',
    { directory, registry: { kind: 'postgres', url: AWAY } },
    project.name,
  );
  await expect(open(environment)).rejects.toMatchObject({ code: 'REGISTRY_AWAY' });
});
