import { fail } from '../../base/errors/fail.ts';
import { parseDuration } from '../../base/time.ts';
import type { ModeAdvice, ModeFacts } from '../../serving/advise/mode-advice.ts';
import { askers, labelUses } from '../../serving/advise/mode-advice.ts';
import type { Call, Command } from '../command.ts';
import type { MeasuredModes } from '../measure-modes.ts';
import { choiceOption, numberOption } from '../parse-option.ts';
import { withHeadrace } from '../with-headrace.ts';

export const serveAdvise: Command = {
  name: ['serve', 'advise'],
  summary: 'chooses between online, streaming and batch inference, with reasons and the cost measured on this machine',
  words: '<model>',
  arity: [1, 1],
  options: {
    asks: { type: 'string' },
    latency: { type: 'string' },
    freshness: { type: 'string' },
    'per-day': { type: 'string' },
    labels: { type: 'string' },
    'core-hour': { type: 'string' },
  },
  help: {
    asks: 'the asker: caller, event (of a topic) or known (all questions are known beforehand)',
    latency: 'longest time from the question to its answer: 50ms, 5m, 1d',
    freshness: 'how old features may be when they are scored (1m)',
    'per-day': 'predictions a day (1000000)',
    labels: 'use of labels: none, quality or canary (quality)',
    'core-hour': 'price of one core for an hour, USD; without it only processor time is printed',
  },
  async run(call) {
    const facts = factsOf(call);
    const price = numberOption('core-hour', call.options['core-hour'], 0) ?? null;
    const { adviseMode } = await import('../../serving/advise/mode-advice.ts');
    const { costsOf, measureModes } = await import('../measure-modes.ts');
    await withHeadrace(call, async (headrace) => {
      const model = headrace.model(call.words[0]);
      const { champion } = await headrace.versions(model);
      const measured = champion === null ? null : await measureModes(headrace, model);
      const advice = adviseMode(facts, costsOf(measured));
      const costs = costsOf(measured);
      const found = { model: model.name, ...advice, costs, measured, coreHourUsd: price };
      const unmeasured =
        champion === null ? 'the model has no champion' : `no row of ${model.spine.from.name} can be asked`;
      call.terminal.out(call.json ? JSON.stringify(found) : textOf(advice, measured, price, unmeasured, facts));
    });
  },
};

function factsOf({ options }: Call): ModeFacts {
  const asks = choiceOption('asks', options['asks'], askers);
  const { latency } = options;
  if (asks === undefined || typeof latency !== 'string')
    throw fail('CLI_OPTION', { command: 'serve advise', reason: '--asks and --latency are needed' });
  return {
    asks,
    latencyMs: parseDuration(latency, 'the option --latency'),
    freshnessMs: parseDuration(String(options['freshness'] ?? '1m'), 'the option --freshness'),
    perDay: numberOption('per-day', options['per-day'], 1) ?? 1_000_000,
    labels: choiceOption('labels', options['labels'], labelUses) ?? 'quality',
  };
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
  const time =
    seconds < 600 ? `${Number(seconds.toPrecision(3))} core s` : `${Number((seconds / 3_600).toPrecision(3))} core h`;
  return price === null ? time : `${time} ($${Number(((seconds / 3_600) * price).toPrecision(3))})`;
}
