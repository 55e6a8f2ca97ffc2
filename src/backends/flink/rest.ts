import { fail } from '../../base/errors/fail.ts';
import { answerText } from '../../base/read-answer.ts';
import { parseJsonExact } from '../../schema/json-exact.ts';

/** An answer of Flink: a JSON object. */
export type Answer = Readonly<Record<string, unknown>>;

/** The innermost cause in an error answer of Flink. */
export class Refusal extends Error {}

/** Asks the REST interface of a gateway or a cluster. Errors: FLINK_UNREACHABLE, and Refusal. */
export async function call(
  url: string,
  method: string,
  path: string,
  timeoutMs: number,
  body?: unknown,
): Promise<Answer> {
  const answer = await ask(url, method, path, timeoutMs, body);
  const parsed = objectOf(answer.text);
  if (answer.ok && parsed !== null) return parsed;
  throw new Refusal(lastCause(parsed, answer.text));
}

async function ask(
  url: string,
  method: string,
  path: string,
  timeoutMs: number,
  body: unknown,
): Promise<{ readonly ok: boolean; readonly text: string }> {
  try {
    const answer = await fetch(new URL(path, url), {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return { ok: answer.ok, text: await answerText(answer.body) };
  } catch (error) {
    const reason =
      error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : error;
    throw fail('FLINK_UNREACHABLE', { url, reason: String(reason) }, error);
  }
}

/** Of the errors of an answer, whose texts are stack traces, the innermost. */
function lastCause(answer: Answer | null, text: string): string {
  const errors = answer?.['errors'];
  return innermostCause(Array.isArray(errors) ? errors.join('\n') : text);
}

/** The message of the innermost error of a stack trace. */
export function innermostCause(trace: string): string {
  const causes = [...trace.matchAll(/^(?:Caused by: )?(?:[\w$]+\.)+[\w$]+(?:Exception|Error): (.*)$/gm)];
  return (causes.at(-1)?.[1] ?? trace).slice(0, 500);
}

function objectOf(text: string): Answer | null {
  try {
    const value = parseJsonExact(text);
    return typeof value === 'object' && value !== null ? (value as Answer) : null;
  } catch {
    return null;
  }
}
