import { writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { CostPlan } from '../../../cost/plan/plan.ts';
import type { Call, Command } from '../../command.ts';
import { wholeOption } from '../../parse-option.ts';
import { PRICE_STORE } from './prices-import.ts';

export const costPlan: Command = {
  name: ['cost', 'plan'],
  summary: 'plans a cheaper training job from its profile, real prices and recorded spot instances',
  words: '<job.json>',
  arity: [1, 1],
  options: {
    profile: { type: 'string', multiple: true },
    trace: { type: 'string', multiple: true },
    trial: { type: 'string', multiple: true },
    drill: { type: 'string' },
    polarity: { type: 'string' },
    'time-unit': { type: 'string' },
    prices: { type: 'string' },
    'old-prices': { type: 'boolean' },
    draws: { type: 'string' },
    seed: { type: 'string' },
    markdown: { type: 'boolean' },
    html: { type: 'string' },
  },
  help: {
    profile: 'a profile of headrace cost profile, a diagnosis as JSON, a trace or samples; may be repeated',
    trace: 'a recording of spot instances; may be repeated',
    trial: 'a measured change, as technique=profile.json; may be repeated',
    drill: 'drill.json of headrace train drill: without a passed drill spot is blocked',
    polarity: 'meaning of 1 in traces of zeros and ones: available or unavailable',
    prices: `prices: an import, a file or a folder (the newest in ${PRICE_STORE})`,
    'old-prices': 'accept prices older than 90 days',
    draws: 'draws of the total (10000)',
    seed: 'seed of the draws (1)',
    markdown: 'print Markdown',
    html: 'also write one self-contained HTML file to this path',
  },
  async run(call) {
    const plan = await planOf(call);
    const { options, terminal, json } = call;
    if (typeof options['html'] === 'string') {
      const { planHtml } = await import('../../../cost/report/html.ts');
      await writeFile(options['html'], planHtml(plan));
    }
    if (json) terminal.out(JSON.stringify(plan));
    else if (options['markdown'] === true)
      terminal.out((await import('../../../cost/report/markdown.ts')).planMarkdown(plan));
    else terminal.out((await import('../../../cost/report/terminal.ts')).planText(plan));
  },
};

async function planOf(call: Call): Promise<CostPlan> {
  const {
    words: [path = ''],
    options,
    terminal,
    json,
  } = call;
  const { readJob } = await import('../../../cost/plan/job.ts');
  const described = await readJob(path);
  const { withDrill } = await import('../../../cost/plan/read-drill.ts');
  const drill =
    typeof options['drill'] === 'string'
      ? options['drill']
      : described.drill === undefined
        ? undefined
        : resolve(dirname(path), described.drill);
  const job = drill === undefined ? described : await withDrill(described, drill);
  const profiles = call.lists?.['profile'] ?? [];
  if (profiles.length === 0) {
    const { fail } = await import('../../../base/errors/fail.ts');
    const { rangesText, unprofiledRanges } = await import('../../../cost/report/ranges.ts');
    const ranges = unprofiledRanges(job);
    terminal.out(json ? JSON.stringify(ranges) : rangesText(ranges));
    throw fail('COST_NO_PROFILE', { job: job.name });
  }
  const { readProfile } = await import('../../../cost/profile/read-profile.ts');
  const { readOtherHardware, readTrials } = await import('../../../cost/profile/read-trials.ts');
  const { readPlanPrices } = await import('../../../cost/plan/plan-prices.ts');
  const { makePlan } = await import('../../../cost/plan/make-plan.ts');
  const nowMs = Date.now();
  const profile = await readProfile(profiles, job);
  const prices = await readPlanPrices({
    path: typeof options['prices'] === 'string' ? options['prices'] : undefined,
    store: PRICE_STORE,
    nowMs,
    acceptOld: options['old-prices'] === true,
  });
  return makePlan({
    job,
    profile,
    ...prices,
    ...(await tracesOf(call, nowMs)),
    trials: await readTrials(call.lists?.['trial'] ?? [], profile),
    otherHardware: await readOtherHardware(call.lists?.['trial'] ?? [], profile),
    draws: wholeOption('draws', options['draws'], 10_000, 100, 1_000_000),
    seed: wholeOption('seed', options['seed'], 1, 0, Number.MAX_SAFE_INTEGER),
  });
}

async function tracesOf({ lists, options }: Call, nowMs: number) {
  const { readSpotTrace } = await import('../../../cost/spot/trace/read-spot-trace.ts');
  const { simulationCaveats, traceCaveats } = await import('../../../cost/spot/spot-report.ts');
  const { choiceOption } = await import('../../parse-option.ts');
  const polarity = choiceOption('polarity', options['polarity'], ['available', 'unavailable']);
  const timeUnit = choiceOption('time-unit', options['time-unit'], ['ms', 's', 'h']);
  const traces = [];
  for (const path of lists?.['trace'] ?? []) traces.push(await readSpotTrace(path, { polarity, timeUnit }));
  const caveats = traces.flatMap((trace) => traceCaveats(trace, nowMs));
  return { traces, traceCaveats: traces.length === 0 ? [] : [...caveats, ...simulationCaveats] };
}
