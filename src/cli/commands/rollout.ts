import { fail } from '../../base/errors/fail.ts';
import type { Headrace } from '../../running/headrace.ts';
import type { Decision, RolloutControl, RolloutStart } from '../../serving/rollout/rollout-control.ts';
import type { RolloutNeeds } from '../../serving/rollout/rollout-needs.ts';
import type { RolloutReport } from '../../serving/rollout/rollout-report.ts';
import { type Call, command } from '../command.ts';
import { serverOf, serverOption } from '../link/server-link.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { withHeadrace } from '../open/with-headrace.ts';
import { flag, option, parseValue } from '../options/option.ts';
import { text, version } from '../options/option-kinds.ts';
import { planOptions, writtenPlan } from '../options/rollout-plan.ts';

type Action = 'start' | 'hold' | 'release' | 'promote' | 'rollback';

const changeOptions = { reason: option(text, 'why, for the record of the rollout'), ...serverOption };

export const rolloutStart = command({
  name: ['rollout', 'start'],
  summary:
    'starts the rollout of a version as the model declares it; options plan that of a model that no project declares',
  words: '<model> <version>',
  arity: [2, 2],
  options: { ...planOptions, ...changeOptions },
  run: (call) => {
    const plan = writtenPlan(call.options);
    const started = { version: parseValue('version', version, call.words[1]), ...(plan === null ? {} : { plan }) };
    return change(call, 'start', started);
  },
});

export const rolloutStatus = command({
  name: ['rollout', 'status'],
  summary: 'shows the newest rollout of a model with its numbers and events',
  words: '<model>',
  arity: [1, 1],
  options: serverOption,
  run: async (call) => {
    const server = await serverOf(call);
    const report =
      server === null
        ? await withHeadrace(call, (headrace) => reportHere(headrace, call.words[0]))
        : (JSON.parse(await server.ask('GET', pathOf(call.words[0]))) as RolloutReport);
    await show(call, report);
  },
});

export const rolloutPromote = command({
  name: ['rollout', 'promote'],
  summary: 'makes the version of a rollout the champion now',
  words: '<model>',
  arity: [1, 1],
  options: changeOptions,
  run: (call) => change(call, 'promote'),
});

export const rolloutHold = command({
  name: ['rollout', 'hold'],
  summary: 'holds a rollout where it is; --release resumes it',
  words: '<model>',
  arity: [1, 1],
  options: { release: flag('resume a held rollout'), ...changeOptions },
  run: (call) => change(call, call.options.release ? 'release' : 'hold'),
});

export const rolloutRollback = command({
  name: ['rollout', 'rollback'],
  summary: 'ends a rollout with the champion that it began with',
  words: '<model>',
  arity: [1, 1],
  options: changeOptions,
  run: (call) => change(call, 'rollback'),
});

/** The version that a rollout starts with, and its plan; without one the model declares it. */
type Started = { readonly version: number } & Pick<RolloutStart, 'plan'>;

async function change(call: Call<typeof changeOptions>, action: Action, started?: Started): Promise<void> {
  const [model] = call.words;
  const { reason } = call.options;
  const said = reason === undefined ? {} : { reason };
  const server = await serverOf(call);
  if (server !== null) {
    const body = { action, ...said, ...started };
    return show(call, JSON.parse(await server.ask('POST', pathOf(model), body)) as StartedReport);
  }
  const report = await withHeadrace(call, async (headrace) => {
    const control = await headrace.rolloutOf(model);
    const target = started === undefined ? model : `${model} ${started.version}`;
    const decision = { by: 'the command line', reason: `${action} by the command line`, ...said };
    await auditedCommand(headrace.directory, `rollout ${action}`, target, () =>
      work(control, action, decision, started),
    );
    const needs = action === 'start' ? await control.needs() : null;
    return { ...(await reportHere(headrace, model)), needs };
  });
  return show(call, report);
}

function work(control: RolloutControl, action: Action, decision: Decision, started?: Started): Promise<unknown> {
  if (action === 'start') {
    const { version: candidate = 0, ...plan } = started ?? {};
    return control.start(candidate, { ...decision, ...plan });
  }
  return control[action === 'rollback' ? 'rollBack' : action](decision);
}

async function reportHere(headrace: Headrace, model: string): Promise<RolloutReport> {
  const { rolloutReport } = await import('../../serving/rollout/rollout-report.ts');
  const status = await (await headrace.rolloutOf(model)).status();
  if (status === null) throw fail('ROLLOUT_NONE', { model });
  return rolloutReport(status);
}

/** A rollout that was just started, with its needs. */
interface StartedReport extends RolloutReport {
  readonly needs?: RolloutNeeds | null;
}

async function show({ json, terminal }: Call, report: StartedReport): Promise<void> {
  if (json) return terminal.out(JSON.stringify(report));
  const { rolloutLines } = await import('../../serving/rollout/rollout-report.ts');
  for (const line of rolloutLines(report)) terminal.out(line);
  if (report.needs == null) return;
  const { needsLines } = await import('../../serving/rollout/rollout-needs.ts');
  for (const line of needsLines(report.needs)) terminal.out(line);
}

function pathOf(model: string): string {
  return `/v1/rollouts/${encodeURIComponent(model)}`;
}
