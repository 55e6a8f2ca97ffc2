import { fail } from '../../base/errors/fail.ts';
import type { BatchViewData, ProjectData, StreamViewData } from '../../features/define/declaration.ts';

/** A view that can be recomputed from the history, by its name, or by name and version. Error: VIEW_UNKNOWN. */
export function viewToFill({ views }: Pick<ProjectData, 'views'>, name: string): StreamViewData | BatchViewData {
  const filled = views.filter((view) => view.kind !== 'onDemandView');
  const view = filled.find((one) => one.name === name || `${one.name}@${one.version}` === name);
  if (view === undefined) throw fail('VIEW_UNKNOWN', { view: name, known: filled.map((one) => one.name) });
  return view;
}
