import { numberText } from '../../base/number-text.ts';
import type { Headrace } from '../../running/headrace.ts';
import type { MeasuredModes } from '../../running/measure-modes.ts';
import type { ModeAdvice, ModeFacts } from '../../serving/advise/mode-advice.ts';
import { askers, labelUses } from '../../serving/advise/mode-advice.ts';
import { type Call, command } from '../command.ts';
import { withHeadrace } from '../open/with-headrace.ts';
import { needed, option } from '../options/option.ts';
import { choice, duration, number } from '../options/option-kinds.ts';

const options = {
  asks: needed(
    choice(askers),
    'who asks: a caller, an event of a topic, or nobody, as all questions are known beforehand',
  ),
  latency: needed(duration, 'longest time from the question to its answer: 50ms, 5m, 1d'),
  freshness: option(duration, 'how old features may be when they are scored', 60_000),
  'per-day': option(number(1), 'predictions a day', 1_000_000),
  labels: option(choice(labelUses), 'use of labels', 'quality'),
  'core-hour': option(number(0), 'price of one core for an hour, USD; without it only processor time is printed'),
};

export const serveAdvise = command({
  name: ['serve', 'advise'],
  summary: 'chooses between online, streaming and batch inference, with reasons and the cost measured on this machine',
  words: '<model>',
  arity: [1, 1],
  options,
  async run(call) {
    const facts = factsOf(call);
    const { 'core-hour': price = null } = call.options;
    const { adviseMode } = await import('../../serving/advise/mode-advice.ts');
    const { costsOf, measureModes } = await import('../../running/measure-modes.ts');
    const { startServer } = await import('../../server/http-server.ts');
    const serve = (served: Headrace) => startServer(served, { host: '127.0.0.1', port: 0, bodyLimit: '1MiB' });
    await withHeadrace(call, async (headrace) => {
      const model = headrace.model(call.words[0]);
      const { champion } = await headrace.versions(model);
      const measured = champion === null ? null : await measureModes(headrace, model, serve);
      const advice = adviseMode(facts, costsOf(measured));
      const costs = costsOf(measured);
      const found = { model: model.name, ...advice, costs, measured, coreHourUsd: price };
      const unmeasured =
        champion === null ? 'the model has no champion' : `no row of ${model.spine.from.name} can be asked`;
      call.terminal.out(call.json ? JSON.stringify(found) : textOf(advice, measured, price, unmeasured, facts));
    });
  },
});

function factsOf({ options: asked }: Call<typeof options>): ModeFacts {
  const { asks, latency: latencyMs, freshness: freshnessMs, 'per-day': perDay, labels } = asked;
  return { asks, latencyMs, freshnessMs, perDay, labels };
}

function textOf(
  { mode, why, verdicts }: ModeAdvice,
  measured: MeasuredModes | null,
  price: number | null,
  unmeasured: string,
  { perDay }: ModeFacts,
): string {
  const lines = [`${mode}: ${why}`, ''];
  for (const { mode: one, fits, reasons, coreSecondsADay } of verdicts) {
    const day =
      coreSecondsADay === null
        ? ''
        : `, ${costText(coreSecondsADay, price)} a day at ${perDay.toLocaleString('en')} predictions`;
    lines.push(`${one}: ${fits ? 'fits' : 'does not fit'}${day}`, ...reasons.map((reason) => `  ${reason}`));
  }
  lines.push('');
  if (measured === null) lines.push(`no cost was measured: ${unmeasured}`);
  else lines.push(...measuredLines(measured, price));
  return lines.join('\n');
}

function measuredLines({ requests, http, features, model, log, file }: MeasuredModes, price: number | null) {
  const of = (seconds: number) => costText(seconds, price);
  return [
    `a million predictions, measured on this machine over ${requests} requests of the history:`,
    `  online ${of(http + features + model + log)}: HTTP ${of(http)}, features ${of(features)}, model ${of(model)}, log ${of(log)}`,
    `  streaming ${of(features + model + log)}: the same without HTTP`,
    `  batch ${of(features + file)}: features ${of(features)}, reading, scoring and writing ${of(file)}`,
  ];
}

function costText(seconds: number, price: number | null): string {
  const time = seconds < 600 ? `${numberText(seconds)} core s` : `${numberText(seconds / 3_600)} core h`;
  return price === null ? time : `${time} ($${numberText((seconds / 3_600) * price)})`;
}
