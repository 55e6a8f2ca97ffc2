import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { FeatureServiceData } from '../../features/define/declaration.ts';
import type { ServedVector } from '../../featurestore/online/served-vector.ts';
import type { Value } from '../../schema/column.ts';
import type { Question } from './questions.ts';

/** A reader of an environment. */
export interface Answers {
  read(service: FeatureServiceData, request: unknown, at: number): MaybePromise<ServedVector>;
}

/** A feature that the two environments answer differently. */
export interface Difference {
  readonly question: Question;
  readonly feature: string;
  readonly before: string;
  readonly after: string;
}

/** Asks the environments of a migration the same, as of one instant, and gives every feature whose answers differ. */
export async function compareAnswers(
  questions: readonly Question[],
  before: Answers,
  after: Answers,
  at: number,
): Promise<readonly Difference[]> {
  const differences: Difference[] = [];
  for (const question of questions) {
    const { service } = question;
    const [old, now] = [await answerOf(before, question, at), await answerOf(after, question, at)];
    service.features.forEach(({ name }, f) => {
      const [was, is] = [answerText(old, f), answerText(now, f)];
      if (was !== is) differences.push({ question, feature: name, before: was, after: is });
    });
  }
  return differences;
}

/** How often a view that was slower than its budget is asked again. */
const ASKED_AGAIN = 20;

/** The answer of an environment, whatever its latency budget. */
async function answerOf(answers: Answers, { service, request }: Question, at: number): Promise<ServedVector> {
  let vector = await answers.read(service, request, at);
  for (let i = 0; i < ASKED_AGAIN && vector.missing.some(({ reason }) => reason === 'slow'); i += 1)
    vector = await answers.read(service, request, at);
  return vector;
}

/** A difference in words: `clicks_1h of view by_user@1 for {"user":"ann"} is 3 there, 4 here`. */
export function differenceText({ question, feature, before, after }: Difference): string {
  const { service, request } = question;
  const name = feature.replace(/^view_/, '');
  const asked = JSON.stringify(request, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return `${name} of ${service.name} for ${asked} is ${before} in the old environment, ${after} in the new one`;
}

function answerText({ values, missing }: ServedVector, feature: number): string {
  const gap = missing.find((each) => each.feature === feature);
  return gap === undefined ? valueText(values[feature]) : `missing (${gap.reason})`;
}

function valueText(value: Value | undefined): string {
  return Array.isArray(value) ? `[${value.map(valueText).join(', ')}]` : String(value ?? null);
}
