import { expect, test } from 'vitest';
import { type Environment, resolveEnvironment } from '../../src/environment/config.ts';
import { judgeStores } from '../../src/site/judge-stores.ts';
import { type Site, withSite } from '../../src/site/site.ts';
import { watchedProject } from '../playbook/watched-project.ts';
import { newRoot } from '../stores/new-root.ts';

const { project } = watchedProject({ mode: 'dryRun' });

/** Nothing listens there. */
const AWAY = 'postgres://nobody@127.0.0.1:1/none';

test.each([
  ['monitors', judgeStores],
  ['playbooks', (site: Site) => site.open('playbooks', 'registry', 'rollouts')],
])('%s of a registry that is away fail, and do not judge an empty one', async (_, open) => {
  const directory = newRoot();
  const environment: Environment = resolveEnvironment(
    'shared',
    { directory, registry: { kind: 'postgres', url: AWAY } },
    project.name,
  );
  const opening = withSite({ project, environment }, async (site) => open(site));
  await expect(opening).rejects.toMatchObject({ code: 'REGISTRY_AWAY' });
});
