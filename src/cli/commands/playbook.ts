import { fail } from '../../base/errors/fail.ts';
import type { PlaybookReport } from '../../playbook/playbook-report.ts';
import type { Replay } from '../../playbook/replay.ts';
import type { PlaybookEntry } from '../../ports/playbook-store.ts';
import { auditedCommand } from '../audit.ts';
import type { Call, Command } from '../command.ts';
import { loadConfig } from '../load-config.ts';
import { wholeOption } from '../parse-option.ts';
import type { OpenPlaybooks } from '../playbook-stores.ts';
import { serverOf, serverOption, serverOptionHelp } from '../server-link.ts';

const reasonOption = { reason: { type: 'string' } } as const;
const reasonHelp = { reason: 'why, for the journal' };
const common = { words: '<model>', arity: [1, 1] } as const;

export const playbookStatus: Command = {
  ...common,
  name: ['playbook', 'status'],
  summary: 'shows the state of a playbook, its question to a person and its open incidents',
  options: serverOption,
  help: serverOptionHelp,
  run: (call) => show(call, ''),
};

export const playbookLog: Command = {
  ...common,
  name: ['playbook', 'log'],
  summary: 'shows every decision of a playbook: when, why, and with which outcome',
  options: { after: { type: 'string' }, ...serverOption },
  help: { after: 'entries of the journal to leave out (0)', ...serverOptionHelp },
  run: async (call) => {
    const after = wholeOption('after', call.options['after'], 0, 0, Number.MAX_SAFE_INTEGER);
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
};

export const playbookApprove: Command = {
  ...common,
  name: ['playbook', 'approve'],
  summary: 'approves the step that waits for a person; --deny gives the other answer',
  options: { deny: { type: 'boolean' }, ...reasonOption, ...serverOption },
  help: { deny: 'deny it', ...reasonHelp, ...serverOptionHelp },
  run: (call) => change(call, call.options['deny'] === true ? 'deny' : 'approve'),
};

export const playbookAccept: Command = {
  name: ['playbook', 'accept'],
  summary: 'says that a fault of these features is none, until another version is champion',
  words: '<model> <feature>…',
  arity: [2, Number.POSITIVE_INFINITY],
  options: { ...reasonOption, ...serverOption },
  help: { ...reasonHelp, ...serverOptionHelp },
  run: (call) => change(call, 'accept', call.words.slice(1)),
};

export const playbookFreeze: Command = {
  ...common,
  name: ['playbook', 'freeze'],
  summary: 'keeps a playbook from training, rolling out and promoting; --thaw ends it',
  options: { thaw: { type: 'boolean' }, ...reasonOption, ...serverOption },
  help: { thaw: 'let it act again', ...reasonHelp, ...serverOptionHelp },
  run: (call) => change(call, call.options['thaw'] === true ? 'thaw' : 'freeze'),
};

export const playbookReplay: Command = {
  ...common,
  name: ['playbook', 'replay'],
  summary: 'decides again from the journal of a playbook; an error if a decision differs',
  options: { history: { type: 'boolean' }, ...serverOption },
  help: { history: 'judge the monitors again from the history as well', ...serverOptionHelp },
  run: async (call) => {
    const history = call.options['history'] === true;
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
};

type Action = 'approve' | 'deny' | 'freeze' | 'thaw' | 'accept';

async function change(call: Call, action: Action, features: readonly string[] = []): Promise<void> {
  const [model] = call.words;
  const { reason, server } = call.options;
  const said = {
    by: 'the command line',
    reason: typeof reason === 'string' ? reason : `${action} by the command line`,
  };
  if (typeof server === 'string') {
    const link = await serverOf(call);
    const body = {
      action,
      ...(typeof reason === 'string' ? { reason } : {}),
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

async function show(call: Call, query: string): Promise<void> {
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
  call: Call,
  query: string,
  read: (answer: Readonly<Record<string, unknown>>) => T,
  here: (open: OpenPlaybooks) => Promise<T>,
): Promise<T> {
  if (typeof call.options['server'] !== 'string') return withPlaybooks(call, here);
  const link = await serverOf(call);
  const text = (await link?.ask('GET', `${pathOf(call.words[0])}${query}`)) ?? '{}';
  return read(JSON.parse(text) as Readonly<Record<string, unknown>>);
}

async function withPlaybooks<T>(call: Call, work: (open: OpenPlaybooks) => Promise<T>): Promise<T> {
  const { openPlaybooksOf } = await import('../playbook-stores.ts');
  const { withSite } = await import('../../site/site.ts');
  const place = await loadConfig(call);
  const onFault = (error: unknown) => call.terminal.err(`headrace: ${String(error)}`);
  return withSite({ ...place, onFault }, async (site) => work(await openPlaybooksOf(call, site, onFault)));
}

function pathOf(model: string): string {
  return `/v1/playbooks/${encodeURIComponent(model)}`;
}
