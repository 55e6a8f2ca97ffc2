import type { ModelData } from '../../features/define/declaration.ts';
import { monitorName } from '../../features/define/monitor.ts';
import type { MonitorState } from '../../findings/monitor-state.ts';
import type { Arrival } from '../../monitoring/monitor/arrival-windows.ts';
import type { MonitorStatus } from '../../monitoring/monitor/judge-windows.ts';
import { excludedLines } from '../../monitoring/report/comparison-text.ts';
import { type Call, command } from '../command.ts';
import { loadConfig } from '../open/load-config.ts';
import { option } from '../options/option.ts';
import { instant } from '../options/option-kinds.ts';

export const driftStatus = command({
  name: ['drift', 'status'],
  summary:
    'judges the newest windows of every champion: faults, drift of features and scores, rise of the realised loss',
  words: '',
  arity: [0, 0],
  options: { at: option(instant, 'instant whose newest windows are judged (now)') },
  async run(call) {
    const { withSite } = await import('../../site/site.ts');
    const { judgeStores } = await import('../../site/judge-stores.ts');
    const { Judge } = await import('../../findings/judge.ts');
    const { project, environment } = await loadConfig(call);
    await withSite({ project, environment }, async (site) => {
      const { at = Date.now() } = call.options;
      const state = await new Judge().champions(await judgeStores(site), project.models, { at, everyMs: 0 });
      const { ruleCosts, ruleCostText } = await import('../../monitoring/monitor/rule-costs.ts');
      write(call, state, project.models, (model) => ruleCosts([model]).map(ruleCostText));
    });
  },
});

function write(
  { json, terminal }: Call,
  state: MonitorState,
  models: readonly ModelData[],
  pricesOf: (model: ModelData) => readonly string[],
): void {
  if (json) {
    terminal.out(JSON.stringify(state));
    return;
  }
  for (const model of models) {
    const { name } = model;
    const own = state.monitors.filter((one) => one.model === name);
    const failure = state.failed.find((one) => one.model === name);
    if (failure !== undefined) terminal.out(`${name}: not judged: ${failure.reason}`);
    else if (own.length === 0) terminal.out(`${name}: no champion, nothing is watched`);
    for (const line of pricesOf(model)) terminal.out(line);
    for (const status of own) {
      terminal.out(statusLine(status));
      for (const line of excludedLines(status.windows.at(-1)?.excluded ?? [])) terminal.out(`  ${line}`);
      for (const line of arrivalLines(status.windows.at(-1)?.arrivals)) terminal.out(`  ${line}`);
    }
  }
}

function statusLine({ model, version, monitor, state, reason, referenceAgeMs }: MonitorStatus): string {
  const age =
    referenceAgeMs === null ? 'no reference' : `reference ${Math.round(referenceAgeMs / 86_400_000)} days old`;
  return `${model} ${version} ${monitorName(monitor).padEnd(15)} ${state.padEnd(12)} ${reason} (${monitor.k} of ${monitor.of} windows, ${age})`;
}

/** Sources whose rows did not come as usual, or of which nobody can tell, as lines for a terminal. */
function arrivalLines(arrivals: readonly Arrival[] = []): readonly string[] {
  return arrivals
    .filter(({ state }) => state !== 'ok')
    .map(({ source, kind, state, reason }) => `${kind} of ${source}: ${state}: ${reason}`);
}
