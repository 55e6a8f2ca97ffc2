import type { ProjectData, StreamViewData } from '../../features/define/declaration.ts';

/** The stream views of a project. */
export function streamViewsOf({ views }: ProjectData): readonly StreamViewData[] {
  return views.filter((view): view is StreamViewData => view.kind === 'streamView');
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
