import { fail } from '../../base/errors/fail.ts';
import type { Headrace } from '../../running/headrace.ts';
import type { Decision } from '../../serving/rollout/rollout-control.ts';
import type { RolloutNeeds } from '../../serving/rollout/rollout-needs.ts';
import type { RolloutReport } from '../../serving/rollout/rollout-report.ts';
import { type Call, command } from '../command.ts';
import { serverOf, serverOption } from '../link/server-link.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { withHeadrace } from '../open/with-headrace.ts';
import { flag, option, parseValue } from '../options/option.ts';
import { text, version } from '../options/option-kinds.ts';

type Action = 'start' | 'hold' | 'release' | 'promote' | 'rollback';

const changeOptions = { reason: option(text, 'why, for the record of the rollout'), ...serverOption };

export const rolloutStart = command({
  name: ['rollout', 'start'],
  summary: 'starts the rollout of a version as the model declares it',
  words: '<model> <version>',
  arity: [2, 2],
  options: changeOptions,
  run: (call) => change(call, 'start', parseValue('version', version, call.words[1])),
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

async function change(call: Call<typeof changeOptions>, action: Action, started?: number): Promise<void> {
  const [model] = call.words;
  const { reason } = call.options;
  const said = reason === undefined ? {} : { reason };
  const server = await serverOf(call);
  if (server !== null) {
    const body = { action, ...said, ...(started === undefined ? {} : { version: started }) };
    return show(call, JSON.parse(await server.ask('POST', pathOf(model), body)) as StartedReport);
  }
  const report = await withHeadrace(call, async (headrace) => {
    const { name } = headrace.model(model);
    const target = started === undefined ? name : `${name} ${started}`;
    const decision = { by: 'the command line', reason: `${action} by the command line`, ...said };
    await auditedCommand(headrace.directory, `rollout ${action}`, target, () =>
      work(headrace, name, action, decision, started),
    );
    const needs = action === 'start' ? await headrace.rollout({ name }).needs() : null;
    return { ...(await reportHere(headrace, name)), needs };
  });
  return show(call, report);
}

function work(headrace: Headrace, model: string, action: Action, decision: Decision, started = 0): Promise<unknown> {
  const control = headrace.rollout({ name: model });
  if (action === 'start') return control.start(started, decision);
  return control[action === 'rollback' ? 'rollBack' : action](decision);
}

async function reportHere(headrace: Headrace, model: string): Promise<RolloutReport> {
  const { rolloutReport } = await import('../../serving/rollout/rollout-report.ts');
  const status = await headrace.rollout({ name: model }).status();
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
