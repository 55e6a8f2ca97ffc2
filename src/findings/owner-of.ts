import type { ModelData } from '../features/define/declaration.ts';

/** The people who get the incidents of a model: `owner` of its playbook; null: nobody is named. */
export function ownerOf({ playbook }: Pick<ModelData, 'playbook'>): string | null {
  const { owner } = playbook;
  return typeof owner === 'string' ? owner : null;
}
