import { Choice } from '../look/choice.tsx';
import { useAddress } from './address.ts';
import { useProject } from './project.ts';

/** The model that the address names, or the first of the project; null: the project has none, or is not read yet. */
export function useChosenModel(): string | null {
  const [{ model }] = useAddress();
  const { data } = useProject();
  return model ?? data?.models[0]?.name ?? null;
}

/** Chooses the model of a page. */
export function ModelChoice() {
  const [, change] = useAddress();
  const model = useChosenModel();
  const { data } = useProject();
  const names = data?.models.map(({ name }) => name) ?? [];
  if (model === null || names.length === 0) return null;
  return <Choice label="Model" value={model} of={names} onChange={(name) => change({ model: name })} />;
}
