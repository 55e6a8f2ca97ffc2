import { fail } from '../base/errors/fail.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import type { Environment } from './config.ts';

/**
 * Refuses names of an environment that the project does not declare: models of `requiredModels`, entities of `online.nested`. Errors:
 * MODEL_UNKNOWN, ENTITY_UNKNOWN.
 */
export function checkDeclaredNames(
  { models, views }: ProjectData,
  { requiredModels, online }: Pick<Environment, 'requiredModels' | 'online'>,
): void {
  const known = models.map(({ name }) => name);
  const model = requiredModels.find((name) => !known.includes(name));
  if (model !== undefined) throw fail('MODEL_UNKNOWN', { model, known });
  if (online.kind !== 'redis') return;
  const nestable = nestableEntities(views);
  const entity = online.nested.find((name) => !nestable.includes(name));
  if (entity !== undefined) throw fail('ENTITY_UNKNOWN', { entity, known: nestable });
}

/** Entities of several columns, which alone have a first column to be kept with. */
function nestableEntities(views: ProjectData['views']): readonly string[] {
  const several = views.flatMap((view) =>
    view.kind !== 'onDemandView' && Object.keys(view.entity.key).length > 1 ? [view.entity.name] : [],
  );
  return [...new Set(several)];
}
