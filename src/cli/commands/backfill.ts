import { fail } from '../../base/errors/fail.ts';
import { viewToFill } from '../../featurestore/backfill/view-to-fill.ts';
import { type Call, command, unfinished } from '../command.ts';
import { followJob } from '../link/follow-job.ts';
import { type ServerLink, serverOf, serverOption } from '../link/server-link.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { withHeadrace } from '../open/with-headrace.ts';
import { flag, option } from '../options/option.ts';
import { instant } from '../options/option-kinds.ts';
import { withProgress } from '../terminal/progress.ts';

const options = {
  from: option(instant, 'only tiles that start at or after this instant: epoch ms or a UTC date'),
  to: option(instant, 'only tiles that end at or before this instant'),
  'roll-back': flag('serve the generation of a batch view before the newest again'),
  'accept-loss': flag('switch to the run of a batch view however many keys of the generation before it lacks'),
  ...serverOption,
};

type Asked = Call<typeof options>;

export const backfill = command({
  name: ['backfill'],
  stop: [unfinished('JOB_CANCELLED')],
  summary:
    'recomputes the closed tiles of a stream view, or runs a batch view, and verifies a sample; or rolls back one run',
  words: '<view>',
  arity: [1, 1],
  options,
  run: (asked) =>
    withProgress(asked, `backfill ${asked.words[0]}`, async (call) => {
      const server = await serverOf(call);
      const [name] = call.words;
      const report = server === null ? await backfillHere(call) : await backfillThere(call, server);
      const counts = Object.entries(report).map(([what, count]) => `${what} ${count}`);
      call.terminal.out(call.json ? JSON.stringify({ view: name, ...report }) : `${name}: ${counts.join(', ')}`);
    }),
});

type Report = Readonly<Record<string, number>>;

/** Opens the project here. Asked to stop, it ends after the tiles that it is writing. */
function backfillHere(call: Asked): Promise<Report> {
  const stopped = new AbortController();
  call.terminal.stopped.then(() => stopped.abort());
  return withHeadrace(call, async (headrace) => {
    const { project, directory } = headrace;
    const view = viewToFill(project, call.words[0]);
    const [rollsBack, acceptLoss] = [call.options['roll-back'], call.options['accept-loss']];
    if (view.kind === 'batchView' && rollsBack)
      return auditedCommand(directory, 'roll back', view.name, () => headrace.rollBack(view));
    for (const [option, isSet] of [
      ['roll-back', rollsBack],
      ['accept-loss', acceptLoss],
    ] as const)
      if (isSet && view.kind !== 'batchView')
        throw fail('CLI_OPTION', {
          command: 'backfill',
          reason: `--${option} is for batch views, and ${view.name} is none`,
        });
    const { from = null, to = null } = call.options;
    const onProgress = (text: string) => call.terminal.err(`headrace: ${text}`);
    return headrace.backfill(view, { from, to }, { onProgress, acceptLoss, signal: stopped.signal });
  });
}

/** As a job of the server that has the environment open. */
async function backfillThere(call: Asked, server: ServerLink): Promise<Report> {
  const { words, options } = call;
  const asked = {
    kind: 'backfill',
    view: words[0],
    from: options.from,
    to: options.to,
    rollBack: options['roll-back'],
    acceptLoss: options['accept-loss'],
  };
  return (await followJob(call, server, asked)) as Report;
}
