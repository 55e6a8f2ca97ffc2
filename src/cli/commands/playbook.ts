import { fail } from '../../base/errors/fail.ts';
import type { PlaybookReport } from '../../playbook/playbook-report.ts';
import type { Replay } from '../../playbook/replay.ts';
import type { PlaybookEntry } from '../../ports/playbook-store.ts';
import { type Call, command } from '../command.ts';
import { serverOf, serverOption } from '../link/server-link.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { loadConfig } from '../open/load-config.ts';
import { flag, option } from '../options/option.ts';
import { text, whole } from '../options/option-kinds.ts';
import type { OpenPlaybooks } from '../playbook/playbook-stores.ts';

const changeOptions = { reason: option(text, 'why, for the journal'), ...serverOption };
const common = { words: '<model>', arity: [1, 1] } as const;

export const playbookStatus = command({
  ...common,
  name: ['playbook', 'status'],
  summary: 'shows the state of a playbook, its question to a person and its open incidents',
  options: serverOption,
  run: (call) => show(call, ''),
});

export const playbookLog = command({
  ...common,
  name: ['playbook', 'log'],
  summary: 'shows every decision of a playbook: when, why, and with which outcome',
  options: { after: option(whole(0), 'entries of the journal to leave out', 0), ...serverOption },
  run: async (call) => {
    const { after } = call.options;
    const entries = await remoteOr<readonly PlaybookEntry[]>(
      call,
      `?after=${after}`,
      ({ entries: found }) => found as readonly PlaybookEntry[],
      ({ playbooks }) => playbooks.journal(call.words[0]).entries(after),
    );
    if (call.json) return call.terminal.out(JSON.stringify(entries));
    const { logLines } = await import('../../monitoring/cause/decision-text.ts');
    for (const line of logLines(entries)) call.terminal.out(line);
  },
});

export const playbookApprove = command({
  ...common,
  name: ['playbook', 'approve'],
  summary: 'approves the step that waits for a person; --deny gives the other answer',
  options: { deny: flag('deny it'), ...changeOptions },
  run: (call) => change(call, call.options.deny ? 'deny' : 'approve'),
});

export const playbookAccept = command({
  name: ['playbook', 'accept'],
  summary: 'says that a fault of these features is none, until another version is champion',
  words: '<model> <feature>…',
  arity: [2, Number.POSITIVE_INFINITY],
  options: changeOptions,
  run: (call) => change(call, 'accept', call.words.slice(1)),
});

export const playbookFreeze = command({
  ...common,
  name: ['playbook', 'freeze'],
  summary: 'keeps a playbook from training, rolling out and promoting; --thaw ends it',
  options: { thaw: flag('let it act again'), ...changeOptions },
  run: (call) => change(call, call.options.thaw ? 'thaw' : 'freeze'),
});

export const playbookReplay = command({
  ...common,
  name: ['playbook', 'replay'],
  summary: 'decides again from the journal of a playbook; an error if a decision differs',
  options: { history: flag('judge the monitors again from the history as well'), ...serverOption },
  run: async (call) => {
    const { history } = call.options;
    const [model] = call.words;
    const found = await remoteOr<Replay>(
      call,
      `?replay=${history ? 'history' : 'journal'}`,
      ({ replay }) => replay as Replay,
      ({ playbooks, worldOf }) => playbooks.replay(model, worldOf, { history }),
    );
    if (call.json) call.terminal.out(JSON.stringify(found));
    else {
      const { replayLines } = await import('../../playbook/playbook-report.ts');
      for (const line of replayLines(model, found)) call.terminal.out(line);
    }
    const { length: count } = found.different;
    if (count > 0) throw fail('PLAYBOOK_DIFFERS', { count, model });
  },
});

type Action = 'approve' | 'deny' | 'freeze' | 'thaw' | 'accept';

async function change(
  call: Call<typeof changeOptions>,
  action: Action,
  features: readonly string[] = [],
): Promise<void> {
  const [model] = call.words;
  const { reason, server } = call.options;
  const said = { by: 'the command line', reason: reason ?? `${action} by the command line` };
  if (server !== undefined) {
    const link = await serverOf(call);
    const body = {
      action,
      ...(reason === undefined ? {} : { reason }),
      ...(features.length > 0 ? { features } : {}),
    };
    return write(call, JSON.parse((await link?.ask('POST', pathOf(model), body)) ?? '{}') as PlaybookReport);
  }
  await withPlaybooks(call, async ({ playbooks }) => {
    const { environment } = await loadConfig(call);
    const journal = playbooks.journal(model);
    await auditedCommand(environment.directory, `playbook ${action}`, model, () => {
      if (action === 'accept') return journal.accept(features, said);
      if (action === 'freeze' || action === 'thaw') return journal.freeze(action === 'freeze', said);
      return journal.answer(action === 'approve', said);
    });
  });
  return show(call, '');
}

async function show(call: Call<typeof serverOption>, query: string): Promise<void> {
  const [model] = call.words;
  const { playbookReport } = await import('../../playbook/playbook-report.ts');
  const report = await remoteOr<PlaybookReport>(
    call,
    query,
    (answer) => answer as unknown as PlaybookReport,
    async ({ playbooks }) =>
      playbookReport(model, playbooks.declared(model).plan, await playbooks.journal(model).state(), Date.now()),
  );
  await write(call, report);
}

async function write({ json, terminal }: Call, report: PlaybookReport): Promise<void> {
  if (json) return terminal.out(JSON.stringify(report));
  const { reportLines } = await import('../../playbook/playbook-report.ts');
  for (const line of reportLines(report)) terminal.out(line);
}

/** The answer of the server that a call names; without one, of the journal here: it is open to any process. */
async function remoteOr<T>(
  call: Call<typeof serverOption>,
  query: string,
  read: (answer: Readonly<Record<string, unknown>>) => T,
  here: (open: OpenPlaybooks) => Promise<T>,
): Promise<T> {
  if (call.options.server === undefined) return withPlaybooks(call, here);
  const link = await serverOf(call);
  const text = (await link?.ask('GET', `${pathOf(call.words[0])}${query}`)) ?? '{}';
  return read(JSON.parse(text) as Readonly<Record<string, unknown>>);
}

async function withPlaybooks<T>(call: Call, work: (open: OpenPlaybooks) => Promise<T>): Promise<T> {
  const { openPlaybooksOf } = await import('../playbook/playbook-stores.ts');
  const { withSite } = await import('../../site/site.ts');
  const place = await loadConfig(call);
  const onFault = (error: unknown) => call.terminal.err(`headrace: ${String(error)}`);
  return withSite({ ...place, onFault }, async (site) => work(await openPlaybooksOf(call, site, onFault)));
}

function pathOf(model: string): string {
  return `/v1/playbooks/${encodeURIComponent(model)}`;
}
