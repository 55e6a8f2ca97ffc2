import type { Policy } from '../../../cost/spot/policy.ts';
import type { ReadTraceOptions } from '../../../cost/spot/trace/spot-trace.ts';
import type { Call, Command } from '../../command.ts';
import { choiceOption, numberOption, secondsOption, wholeOption } from '../../parse-option.ts';

export const costSpot: Command = {
  name: ['cost', 'spot'],
  summary: 'simulates a job on recorded spot instances: costs, missed deadlines, checkpoint interval',
  words: '<trace>…',
  arity: [1, 1000],
  options: {
    work: { type: 'string' },
    deadline: { type: 'string' },
    changeover: { type: 'string' },
    nodes: { type: 'string' },
    'nodes-priced': { type: 'string' },
    'on-demand': { type: 'string' },
    spot: { type: 'string' },
    policy: { type: 'string' },
    'start-step': { type: 'string' },
    'failed-starts': { type: 'string' },
    mixed: { type: 'boolean' },
    blocked: { type: 'string' },
    restart: { type: 'string' },
    'persist-lag': { type: 'string' },
    polarity: { type: 'string' },
    twin: { type: 'string' },
    'time-unit': { type: 'string' },
    gap: { type: 'string' },
    sort: { type: 'boolean' },
  },
  help: {
    work: 'time of work of the job, such as 8h; without it only the trace is described',
    deadline: 'time from the start to the deadline, such as 12h',
    changeover: 'time without progress after each start: provision, set-up, load (18m)',
    nodes: 'instances that the gang needs at once (1)',
    'nodes-priced': 'nodes that are paid, if other than --nodes',
    'on-demand': 'USD for a node and an hour on demand',
    spot: 'USD for a node and an hour on spot',
    policy: 'one policy: on_demand, spot_only, greedy, uniform_progress, hybrid or next_lifetime (all)',
    'start-step': 'ticks between two starts (about 300 starts)',
    'failed-starts': 'share of starts on demand that fail and are tried again, 0 to 1 (0)',
    mixed: 'a gang on demand keeps the spot nodes that there are',
    blocked: 'time that a checkpoint blocks training, such as 60s: prints checkpoint intervals',
    restart: 'time from a loss until work continues (the changeover)',
    'persist-lag': 'time from the end of a snapshot until it is durable (0s)',
    polarity: 'meaning of 1 in a file of zeros and ones: available or unavailable',
    twin: 'another recording of the same instances, which proves the meaning',
    'time-unit': 'unit of the first column of a file of times and counts: ms, s or h',
    gap: 'time between two ticks of a file of events (60s)',
    sort: 'accept times that go backwards',
  },
  async run(call) {
    const { readSpotTrace } = await import('../../../cost/spot/trace/read-spot-trace.ts');
    const options = await readingOf(call, readSpotTrace);
    const reports = [];
    for (const path of call.words) reports.push(await reportOf(call, await readSpotTrace(path, options)));
    if (call.json) call.terminal.out(JSON.stringify({ version: 1, traces: reports.map(({ value }) => value) }));
    else call.terminal.out(reports.map(({ text }) => text).join('\n\n'));
  },
};

type Reader = typeof import('../../../cost/spot/trace/read-spot-trace.ts')['readSpotTrace'];

async function readingOf({ options }: Call, read: Reader): Promise<ReadTraceOptions> {
  const twin = options['twin'];
  return {
    polarity: choiceOption('polarity', options['polarity'], ['available', 'unavailable']),
    timeUnit: choiceOption('time-unit', options['time-unit'], ['ms', 's', 'h']),
    gapS: secondsOption('gap', options['gap']),
    sorted: options['sort'] === true,
    twin: typeof twin === 'string' ? await read(twin, {}) : undefined,
  };
}

async function reportOf({ options }: Call, trace: Awaited<ReturnType<Reader>>) {
  const report = await import('../../../cost/spot/spot-report.ts');
  const { traceStatistics } = await import('../../../cost/spot/up-periods.ts');
  const nodes = wholeOption('nodes', options['nodes'], 1, 1, 65_535);
  const changeoverS = secondsOption('changeover', options['changeover']) ?? 1080;
  const blockedS = secondsOption('blocked', options['blocked']);
  const statistics = traceStatistics(trace.counts, trace.gapS, nodes);
  const checkpoint =
    blockedS === undefined
      ? undefined
      : report.checkpointAdvice(trace, statistics, {
          blockedS,
          restartS: secondsOption('restart', options['restart']) ?? changeoverS,
          persistLagS: secondsOption('persist-lag', options['persist-lag']),
        });
  const simulation = await simulationOf(options, { trace, nodes, changeoverS });
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
  options: Call['options'],
  {
    trace,
    nodes,
    changeoverS,
  }: Pick<
    Parameters<typeof import('../../../cost/spot/simulate.ts')['simulate']>[0],
    'trace' | 'nodes' | 'changeoverS'
  >,
): Promise<Simulated | undefined> {
  const { fail } = await import('../../../base/errors/fail.ts');
  const workS = secondsOption('work', options['work']);
  if (workS === undefined) return undefined;
  const deadlineS = secondsOption('deadline', options['deadline']);
  const onDemandUsd = numberOption('on-demand', options['on-demand'], 0);
  const spotUsd = numberOption('spot', options['spot'], 0);
  if (deadlineS === undefined || onDemandUsd === undefined || spotUsd === undefined)
    throw fail('COST_SIMULATION', { reason: '--work also needs --deadline, --on-demand and --spot' });
  const { simulate } = await import('../../../cost/spot/simulate.ts');
  const step = options['start-step'];
  return simulate({
    trace,
    nodes,
    nodesPriced: wholeOption('nodes-priced', options['nodes-priced'], nodes, 1, 65_535),
    workS,
    deadlineS,
    changeoverS,
    onDemandUsd,
    spotUsd,
    policies: await policiesOf(options['policy']),
    startStep: step === undefined ? undefined : wholeOption('start-step', step, 1, 1, 1_000_000),
    failureShare: numberOption('failed-starts', options['failed-starts'], 0, 1),
    mixed: options['mixed'] === true,
  });
}

/** The policy that is named, with the one on demand, which savings are compared with. */
async function policiesOf(name: string | boolean | undefined): Promise<readonly Policy[]> {
  const { policies } = await import('../../../cost/spot/policies/policies.ts');
  const names = policies.map((policy) => policy.name);
  const chosen = choiceOption('policy', name, names);
  return policies.filter((policy) => chosen === undefined || policy.name === 'on_demand' || policy.name === chosen);
}
