import { type Evidence, evidenceOf } from '../../cost/evidence/evidence.ts';
import { optionsText } from '../../cost/evidence/options-text.ts';
import { programFacts } from '../../cost/evidence/program-files.ts';
import type { RunSpec } from './run-spec.ts';

/** The facts of a drill or a run. `folder`: where its words were written. */
export function drillEvidence(
  { command, options, ranks }: RunSpec,
  {
    folder,
    hardware,
    revision,
  }: { readonly folder: string; readonly hardware: string; readonly revision: string | null },
): Evidence {
  return evidenceOf({
    ...programFacts(command, folder),
    options: optionsText(options),
    worldSize: ranks,
    // The ranks of a drill, and of a run that asks for one, are processes of this machine.
    nodes: 1,
    revision,
    hardware,
  });
}
