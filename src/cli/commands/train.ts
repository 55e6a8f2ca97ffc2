import { numberText } from '../../base/number-text.ts';
import type { ModelVersion } from '../../ports/model-registry.ts';
import { type Call, command, unfinished } from '../command.ts';
import { followJob } from '../link/follow-job.ts';
import { type ServerLink, serverOf, serverOption } from '../link/server-link.ts';
import { withHeadrace } from '../open/with-headrace.ts';
import { flag, option } from '../options/option.ts';
import { instant, number } from '../options/option-kinds.ts';
import { withProgress } from '../terminal/progress.ts';

/** Digits of a metric that a person compares. */
const METRIC_DIGITS = 4;

const options = {
  from: option(instant, 'first instant of the rows: epoch ms or a UTC date'),
  to: option(instant, 'end of the rows, exclusive (now minus the label’s within, when labels are complete)'),
  'as-known': flag('only with events that had arrived at each instant'),
  promote: flag('make the version champion'),
  resume: flag('resume the newest training of the model that was killed, from its newest checkpoint'),
  budget: option(number(0), 'the most that the training may cost, at training.pricePerHour (training.budget)'),
  ...serverOption,
};

type Asked = Call<typeof options>;

export const train = command({
  name: ['train'],
  stop: [unfinished('JOB_CANCELLED')],
  summary: 'builds a training set, trains a model in a separate process, registers the version',
  words: '<model>',
  arity: [1, 1],
  options,
  run: (asked) =>
    withProgress(asked, `train ${asked.words[0]}`, async (call) => {
      const server = await serverOf(call);
      const version = server === null ? await trainHere(call) : await trainThere(call, server);
      if (call.json) return call.terminal.out(JSON.stringify(version));
      const metrics = Object.entries(version.metrics).map(
        ([name, value]) => `${name} ${numberText(value, METRIC_DIGITS)}`,
      );
      call.terminal.out(
        `${version.model} version ${version.version}: ${version.lineage.trainingSet.rows} rows, ${metrics.join(', ')}`,
      );
    }),
});

/** The span and mode of the rows that a call names. */
function rowsOf({ options: { from, to, budget, resume, 'as-known': asKnown } }: Asked) {
  return {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    mode: asKnown ? ('as-known' as const) : ('corrected' as const),
    resume,
    ...(budget === undefined ? {} : { budget }),
  };
}

/** Opens the project here. Asked to stop, it ends at once and registers nothing. */
function trainHere(call: Asked): Promise<ModelVersion> {
  const stopped = new AbortController();
  call.terminal.stopped.then(() => stopped.abort());
  return withHeadrace(call, async (headrace) => {
    const model = headrace.model(call.words[0]);
    const version = await headrace.train(model, {
      ...rowsOf(call),
      signal: stopped.signal,
      onLine: (line) => call.terminal.err(line),
    });
    if (call.options.promote) await headrace.promote(model, version.version);
    return version;
  });
}

/** As a job of the server that has the environment open. */
async function trainThere(call: Asked, server: ServerLink): Promise<ModelVersion> {
  const [model] = call.words;
  const version = (await followJob(call, server, { kind: 'train', model, ...rowsOf(call) })) as ModelVersion;
  if (call.options.promote) await server.ask('POST', '/v1/admin/promote', { model, version: version.version });
  return version;
}
