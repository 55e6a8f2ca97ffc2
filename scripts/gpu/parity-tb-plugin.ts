import { type StepCosts, tbPluginNumbers, tbPluginSteps } from '../../src/gpu/scopes/tb-plugin.ts';
import { sharedNames, sharedText, sharedTrace } from '../../test/gpu/shared-data.ts';
import { numberRow, type ParityRow } from './parity-row.ts';
import { type RawSpan, rawSpans, spanText } from './raw-events.ts';

interface TbLabel {
  readonly steps?: readonly (Readonly<Record<string, number>> & { readonly step: string })[];
  readonly gpu?: readonly { readonly utilization: number }[];
}

const WITHIN_US = 1.05;

/** Costs of each step and utilisation, under the definitions of tb_plugin; where they differ, with its faults repeated. */
export async function tbPluginRows(): Promise<readonly ParityRow[]> {
  const rows: ParityRow[] = [];
  const labels = sharedNames('labels/tb_plugin').filter(
    (known) => known.endsWith('.json') && !known.startsWith('kineto_tb'),
  );
  for (const name of labels) {
    const file = name.replace(/\.json$/, '');
    const label: TbLabel = JSON.parse(sharedText(`labels/tb_plugin/${name}`));
    const trace = await sharedTrace(file);
    const ours = tbPluginSteps(trace);
    for (const step of label.steps ?? []) {
      const costs = ours.get(`ProfilerStep#${step.step}`);
      if (costs === undefined) rows.push(withoutOperators(file, step));
      else rows.push(...(await stepRows(file, step, costs)));
    }
    const told = label.gpu?.[0]?.utilization;
    const utilisation = tbPluginNumbers(trace).find(({ name: what }) => what === 'GPU utilization')?.value ?? null;
    if (told !== undefined && ours.size > 0)
      rows.push(numberRow('tb_plugin', file, 'GPU utilization', told, utilisation, 1e-4, ''));
  }
  return rows;
}

function withoutOperators(file: string, step: Readonly<Record<string, number>>): ParityRow {
  const operators = rawSpans(file).filter(({ cat }) => cat === 'cpu_op' || cat === 'Operator').length;
  return {
    tool: 'tb_plugin',
    file,
    what: 'step 0: Total',
    expected: step['Total'] ?? null,
    ours: null,
    equal: false,
    reason: `no step is marked and ${operators} events are operators: tb_plugin prints the difference of its start values, 0 and 2^64; we say that the trace has no steps`,
  };
}

async function stepRows(
  file: string,
  step: Readonly<Record<string, number>> & { readonly step: string },
  costs: StepCosts,
): Promise<readonly ParityRow[]> {
  const differs = Object.entries(costs).some(([role, value]) => Math.abs(step[role] - value) > WITHIN_US);
  const faults = differs ? faultsOf(file) : undefined;
  const repeated = faults === undefined ? undefined : tbPluginSteps(await sharedTrace(file), faults.extra);
  const same = repeated?.get(`ProfilerStep#${step.step}`);
  return Object.entries(costs).map(([role, value]) => {
    const equal =
      same !== undefined && Math.abs((same[role as keyof StepCosts] ?? Number.NaN) - step[role]) <= WITHIN_US;
    const reason = equal ? `${faults?.text}; with them, ours is equal` : '';
    return numberRow('tb_plugin', file, `step ${step.step}: ${role}`, step[role], value, WITHIN_US, reason);
  });
}

/** What tb_plugin counts as the host's although it is not: annotations on the GPU's side, calls of another accelerator. */
function faultsOf(file: string): { readonly extra: Parameters<typeof tbPluginSteps>[1]; readonly text: string } {
  const spans = rawSpans(file);
  const annotations = spans.filter(
    ({ cat, name }) => cat === 'gpu_user_annotation' && !name.startsWith('ProfilerStep#'),
  );
  const calls = spans.filter(({ cat }) => /_runtime$/.test(cat) && cat !== 'cuda_runtime');
  const text = [
    annotations.length === 0
      ? ''
      : `tb_plugin takes the ${annotations.length} rows of category gpu_user_annotation for operators of the host${firstOf(annotations)}`,
    calls.length === 0
      ? ''
      : `tb_plugin counts the ${calls.length} calls of category ${calls[0]?.cat} as CUDA's${firstOf(calls)}`,
  ];
  return {
    extra: [
      ...annotations.map(({ name, ts, dur }) => ({ kind: 'annotation' as const, name, ts, dur })),
      ...calls.map(({ name, ts, dur }) => ({ kind: 'runtime' as const, name, ts, dur })),
    ],
    text: text.filter((one) => one !== '').join('; '),
  };
}

function firstOf([first]: readonly RawSpan[]): string {
  return first === undefined ? '' : ` (the first ${spanText(first)}, ${Number(first.dur.toFixed(3))} µs)`;
}
