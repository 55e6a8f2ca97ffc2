import { dirname, resolve } from 'node:path';
import { PRICE_STORE } from '../../../cost/catalog/price-store.ts';
import type { CostPlan } from '../../../cost/plan/plan.ts';
import { type Call, command } from '../../command.ts';
import { flag, option, repeated } from '../../options/option.ts';
import { file, name, whole } from '../../options/option-kinds.ts';
import { writeReport } from '../../report/write-report.ts';
import { traceOptions } from '../../training/spot-options.ts';

const options = {
  profile: repeated(file, 'a profile of headrace cost profile, a diagnosis as JSON, a trace or samples'),
  trace: repeated(file, 'a recording of spot instances'),
  trial: repeated(name('technique=profile.json'), 'a measured change, as technique=profile.json'),
  drill: option(file, 'drill.json of headrace train drill: without a passed drill spot is blocked'),
  ...traceOptions,
  prices: option(file, `prices: an import, a file or a folder (the newest in ${PRICE_STORE})`),
  'old-prices': flag('accept prices older than 90 days'),
  draws: option(whole(100, 1_000_000), 'draws of the total', 10_000),
  seed: option(whole(0), 'seed of the draws', 1),
  markdown: flag('print Markdown'),
  html: option(file, 'also write one self-contained HTML file to this path'),
};

type Asked = Call<typeof options>;

export const costPlan = command({
  name: ['cost', 'plan'],
  summary: 'plans a cheaper training job from its profile, real prices and recorded spot instances',
  words: '<job.json>',
  arity: [1, 1],
  options,
  async run(call) {
    const plan = await planOf(call);
    const { terminal, json } = call;
    const { html, markdown } = call.options;
    writeReport(html, 'cost', () => JSON.stringify(plan));
    if (json) terminal.out(JSON.stringify(plan));
    else if (markdown) terminal.out((await import('../../../cost/report/markdown.ts')).planMarkdown(plan));
    else terminal.out((await import('../../../cost/report/terminal.ts')).planText(plan));
  },
});

async function planOf(call: Asked): Promise<CostPlan> {
  const {
    words: [path = ''],
    options: asked,
    terminal,
    json,
  } = call;
  const { readJob } = await import('../../../cost/plan/job.ts');
  const described = await readJob(path);
  const { withDrill } = await import('../../../cost/plan/read-drill.ts');
  const drill = asked.drill ?? (described.drill === undefined ? undefined : resolve(dirname(path), described.drill));
  const job = drill === undefined ? described : await withDrill(described, drill);
  if (asked.profile.length === 0) {
    const { fail } = await import('../../../base/errors/fail.ts');
    const { rangesText, unprofiledRanges } = await import('../../../cost/report/ranges.ts');
    const ranges = unprofiledRanges(job);
    terminal.out(json ? JSON.stringify(ranges) : rangesText(ranges));
    throw fail('COST_NO_PROFILE', { job: job.name });
  }
  const { planOfFiles } = await import('../../../cost/plan/plan-of-files.ts');
  return planOfFiles(job, {
    profiles: asked.profile,
    traces: asked.trace,
    traceOptions: { polarity: asked.polarity, timeUnit: asked['time-unit'] },
    trials: asked.trial,
    prices: { path: asked.prices, store: PRICE_STORE, acceptOld: asked['old-prices'] },
    nowMs: Date.now(),
    draws: asked.draws,
    seed: asked.seed,
  });
}
