import { useLive } from '../api/live.ts';
import type { Address } from './address.ts';
import { useProject } from './project.ts';
import { useSeenPages } from './shell.tsx';

/** Somewhere to go. */
export interface Place {
  readonly name: string;
  readonly kind: string;
  readonly path: string;
  readonly search: Address;
}

/** Every page, and every view, service, model, version, rollout and incident with the page that shows it. */
export function usePlaces(): readonly Place[] {
  const seen = useSeenPages();
  const { data: project } = useProject();
  const models = useLive('/v1/models').value ?? [];
  const alerts = useLive('/v1/alerts').value;
  const rollouts = useLive('/v1/rollouts').value?.rollouts ?? [];
  const has = new Set(seen.map(({ path }) => path as string));
  const labs = useLive('/v1/labs').value?.labs ?? [];
  const places: readonly Place[] = [
    ...seen.map(({ title, path }) => ({ name: title, kind: 'page', path, search: {} })),
    ...(project?.views ?? []).map(({ name }) => place(name, 'view', '/features', { view: name })),
    ...(project?.services ?? []).map(({ name }) => place(name, 'service', '/features', { service: name })),
    ...(project?.sources ?? []).map(({ name }) => place(name, 'source', '/sources', { source: name })),
    ...models.map(({ model }) => place(model, 'model', '/models', { model })),
    ...models.flatMap(({ model, versions }) =>
      versions.map(({ version }) =>
        place(`${model} ${version}`, 'version', '/models', { model, version: `${version}` }),
      ),
    ),
    ...rollouts.map(({ model, candidate, state }) =>
      place(`${model} to version ${candidate}`, `rollout, ${state}`, '/rollouts', { model }),
    ),
    ...labs.map(({ id, title }) => place(title, 'lab', '/labs', { lab: id })),
    ...(alerts?.open ?? []).map(({ no, summary, model }) =>
      place(`#${no} ${summary}`, 'incident', '/drift', { model, incident: `${no}` }),
    ),
  ];
  return places.filter(({ path }) => has.has(path));
}

function place(name: string, kind: string, path: string, search: Address): Place {
  return { name, kind, path, search };
}
