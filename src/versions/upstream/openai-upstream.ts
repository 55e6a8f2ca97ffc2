import { fail } from '../../base/errors/fail.ts';
import { type StreamingModel, streamingModel } from '../../features/define/function-model.ts';
import { callUpstream, type UpstreamOptions } from './upstream-call.ts';

export interface OpenAiUpstreamOptions extends UpstreamOptions {
  /** Its name here. */
  readonly name: string;
  /** Its name there. */
  readonly model: string;
  /** Members of each request, such as `max_tokens` and `temperature`. */
  readonly parameters?: Readonly<Record<string, string | number | boolean>>;
}

const PATH = '/v1/chat/completions';

const inputs = [{ name: 'text_input', type: 'BYTES', shape: [1] }] as const;
const outputs = [{ name: 'text_output', type: 'BYTES', shape: [1] }] as const;

/**
 * Declares a chat model of a server that speaks OpenAI's API: `text_input` is the message of a user, and each piece of the answer is a
 * `text_output`. (OpenAI API reference, Create chat completion, with `stream: true`.)
 */
export function openAiUpstream(options: OpenAiUpstreamOptions): StreamingModel<typeof inputs, typeof outputs> {
  const { name, model, parameters = {} } = options;
  return streamingModel({
    name,
    inputs,
    outputs,
    stream: async function* ({ text_input: { data } }, { signal }) {
      const content = new TextDecoder().decode(data[0]);
      const body = { ...parameters, model, messages: [{ role: 'user', content }], stream: true };
      const answer = await callUpstream(name, options, { path: PATH, body: JSON.stringify(body), signal });
      for await (const event of eventsOf(name, answer)) {
        if (event === '[DONE]') return;
        const piece = pieceOf(name, event);
        if (piece !== '') yield { text_output: { shape: [1], data: [new TextEncoder().encode(piece)] } };
      }
    },
  });
}

/** Longest line of a stream, characters. */
const LONGEST_LINE = 2 ** 20;

/** The data of each event of a stream: lines `data: …`, an empty line after each. */
async function* eventsOf(model: string, { body }: Response): AsyncGenerator<string> {
  if (body === null) return;
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST_LINE)
      throw fail('MODEL_RUN', { model, reason: `the upstream sent a line of more than ${LONGEST_LINE} characters` });
    for (const line of lines) if (line.startsWith('data:')) yield line.slice('data:'.length).trim();
  }
}

function pieceOf(model: string, event: string): string {
  try {
    const content: unknown = Object(JSON.parse(event)).choices?.[0]?.delta?.content;
    return typeof content === 'string' ? content : '';
  } catch (error) {
    throw fail('MODEL_RUN', { model, reason: 'the upstream sent an event that is no JSON' }, error);
  }
}
