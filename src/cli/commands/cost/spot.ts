import { fail } from '../../../base/errors/fail.ts';
import { policies } from '../../../cost/spot/policies/policies.ts';
import type { ReadTraceOptions } from '../../../cost/spot/trace/spot-trace.ts';
import { type Call, command } from '../../command.ts';
import { flag, option } from '../../options/option.ts';
import { file, named, number, seconds, whole } from '../../options/option-kinds.ts';
import { traceOptions } from '../../training/spot-options.ts';

const options = {
  work: option(seconds, 'running time of the job, such as 8h; without it only the trace is described'),
  deadline: option(seconds, 'time from the start to the deadline, such as 12h'),
  changeover: option(seconds, 'time without progress after each start: provision, set-up, load', 1080),
  nodes: option(whole(1, 65_535), 'instances that the gang needs at once', 1),
  'nodes-priced': option(whole(1, 65_535), 'nodes that are paid, if other than --nodes'),
  'on-demand': option(number(0), 'USD for a node and an hour on demand'),
  spot: option(number(0), 'USD for a node and an hour on spot'),
  policy: option(named(policies), 'one policy (all)'),
  'start-step': option(whole(1, 1_000_000), 'ticks between two starts (about 300 starts)'),
  'failed-starts': option(number(0, 1), 'share of starts on demand that fail and are tried again, 0 to 1 (0)'),
  mixed: flag('a gang on demand keeps the spot nodes that there are'),
  blocked: option(seconds, 'time that a checkpoint blocks training, such as 60s: prints checkpoint intervals'),
  restart: option(seconds, 'time from a loss until work continues (the changeover)'),
  'persist-lag': option(seconds, 'time from the end of a snapshot until it is durable (0s)'),
  ...traceOptions,
  twin: option(file, 'another recording of the same instances, which proves the meaning'),
  gap: option(seconds, 'time between two ticks of a file of events (60s)'),
  sort: flag('accept times that go backwards'),
};

type Asked = Call<typeof options>;

export const costSpot = command({
  name: ['cost', 'spot'],
  summary: 'simulates a job on recorded spot instances: costs, missed deadlines, checkpoint interval',
  words: '<trace>…',
  arity: [1, 1000],
  options,
  async run(call) {
    const { readSpotTrace } = await import('../../../cost/spot/trace/read-spot-trace.ts');
    const reading = await readingOf(call, readSpotTrace);
    const reports = [];
    for (const path of call.words) reports.push(await reportOf(call, await readSpotTrace(path, reading)));
    if (call.json) call.terminal.out(JSON.stringify({ version: 1, traces: reports.map(({ value }) => value) }));
    else call.terminal.out(reports.map(({ text }) => text).join('\n\n'));
  },
});

type Reader = typeof import('../../../cost/spot/trace/read-spot-trace.ts')['readSpotTrace'];

async function readingOf({ options: asked }: Asked, read: Reader): Promise<ReadTraceOptions> {
  return {
    polarity: asked.polarity,
    timeUnit: asked['time-unit'],
    gapS: asked.gap,
    sorted: asked.sort,
    twin: asked.twin === undefined ? undefined : await read(asked.twin, {}),
  };
}

async function reportOf({ options: asked }: Asked, trace: Awaited<ReturnType<Reader>>) {
  const report = await import('../../../cost/spot/spot-report.ts');
  const { traceStatistics } = await import('../../../cost/spot/up-periods.ts');
  const { nodes, changeover: changeoverS, blocked: blockedS } = asked;
  const statistics = traceStatistics(trace.counts, trace.gapS, nodes);
  const checkpoint =
    blockedS === undefined
      ? undefined
      : report.checkpointAdvice(trace, statistics, {
          blockedS,
          restartS: asked.restart ?? changeoverS,
          persistLagS: asked['persist-lag'],
        });
  const simulation = await simulationOf(asked, trace);
  const caveats = [
    ...report.traceCaveats(trace, Date.now(), simulation === undefined ? undefined : changeoverS),
    ...(simulation === undefined ? [] : report.simulationCaveats),
  ];
  const { counts: _, ...described } = trace;
  const text = [
    report.statisticsText(trace, statistics),
    ...(checkpoint === undefined ? [] : [report.checkpointText(checkpoint)]),
    ...(simulation === undefined ? [] : [report.simulationText(simulation)]),
    ...caveats.map((caveat) => `note: ${caveat}`),
  ].join('\n');
  const value = {
    ...described,
    statistics,
    checkpoint: checkpoint ?? null,
    simulation: simulation === undefined ? null : withoutRuns(simulation),
    caveats,
  };
  return { text, value };
}

/** The outcomes without the cost of each run. */
function withoutRuns(simulation: Simulated) {
  const outcomes = simulation.outcomes.map(({ costs: _, finishes: __, ...outcome }) => outcome);
  return { ...simulation, outcomes };
}

type Simulated = ReturnType<typeof import('../../../cost/spot/simulate.ts')['simulate']>;

async function simulationOf(
  asked: Asked['options'],
  trace: Awaited<ReturnType<Reader>>,
): Promise<Simulated | undefined> {
  const { work: workS, deadline: deadlineS, 'on-demand': onDemandUsd, spot: spotUsd, nodes } = asked;
  if (workS === undefined) return undefined;
  if (deadlineS === undefined || onDemandUsd === undefined || spotUsd === undefined)
    throw fail('COST_SIMULATION', { reason: '--work also needs --deadline, --on-demand and --spot' });
  const { simulate } = await import('../../../cost/spot/simulate.ts');
  return simulate({
    trace,
    nodes,
    nodesPriced: asked['nodes-priced'] ?? nodes,
    workS,
    deadlineS,
    changeoverS: asked.changeover,
    onDemandUsd,
    spotUsd,
    // Savings are compared with the one on demand.
    policies: policies.filter(
      (policy) => asked.policy === undefined || policy.name === 'on_demand' || policy === asked.policy,
    ),
    startStep: asked['start-step'],
    failureShare: asked['failed-starts'],
    mixed: asked.mixed,
  });
}
