/** The body of an answer, as `fetch` and node:http have it; null: there is none. */
type AnswerBody = AsyncIterable<Uint8Array | string> | null;

/** Largest answer of a service that is asked for data, bytes. */
const LARGEST_ANSWER = 64 * 2 ** 20;

/** The text of an answer of at most this many bytes; the rest of a longer one is not read. Error: RangeError, which says the limit. */
export async function answerText(body: AnswerBody, most = LARGEST_ANSWER): Promise<string> {
  const { text, isWhole } = await beginning(body, most);
  if (!isWhole) throw new RangeError(`its answer has more than ${most} bytes`);
  return text;
}

/** The first bytes of an answer as text, for a message; the rest is not read. */
export async function answerStart(body: AnswerBody, most: number): Promise<string> {
  return (await beginning(body, most)).text;
}

async function beginning(
  body: AnswerBody,
  most: number,
): Promise<{ readonly text: string; readonly isWhole: boolean }> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  const parts: string[] = [];
  let left = most;
  // To leave the loop cancels the stream.
  for await (const piece of body ?? []) {
    const bytes = typeof piece === 'string' ? encoder.encode(piece) : piece;
    parts.push(decoder.decode(bytes.subarray(0, left), { stream: true }));
    if (bytes.length > left) return { text: parts.join(''), isWhole: false };
    left -= bytes.length;
  }
  return { text: parts.join('') + decoder.decode(), isWhole: true };
}
