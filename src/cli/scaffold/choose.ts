import { paint } from '../terminal/paint.ts';

/** A key of a terminal as a choice reads it. */
export type ChoiceKey = 'up' | 'down' | 'enter' | 'stop';

/** The keys in what a terminal sent; bytes that are none are left out. */
export function keysOf(bytes: string): readonly ChoiceKey[] {
  const known: Readonly<Record<string, ChoiceKey>> = {
    '\u001b[A': 'up',
    '\u001bOA': 'up',
    k: 'up',
    '\u001b[B': 'down',
    '\u001bOB': 'down',
    j: 'down',
    '\r': 'enter',
    '\n': 'enter',
    '\u0003': 'stop',
    '\u0004': 'stop',
    q: 'stop',
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: arrow keys begin with an escape.
  return [...bytes.matchAll(/\u001b[[O][A-Z]|[\s\S]/g)].flatMap(([key]) => known[key] ?? []);
}

/** The place after a key, of `length` places in a ring. */
export function placeAfter(place: number, key: ChoiceKey, length: number): number {
  const step = key === 'up' ? -1 : key === 'down' ? 1 : 0;
  return (place + step + length) % length;
}

/** Lets a person choose one line by arrow keys on a terminal; null: it was left. */
export async function choose(
  question: string,
  lines: readonly string[],
  start: number,
  { input, output }: { readonly input: NodeJS.ReadStream; readonly output: NodeJS.WriteStream } = {
    input: process.stdin,
    output: process.stdout,
  },
): Promise<number | null> {
  let place = start;
  const draw = (isFirst: boolean) => {
    if (!isFirst) output.write(`\u001b[${lines.length}A`);
    lines.forEach((line, i) => {
      const text = i === place ? paint('cyan', `> ${line}`, output) : `  ${line}`;
      output.write(`\r\u001b[2K${text}\n`);
    });
  };
  output.write(`${question}\n`);
  draw(true);
  input.setRawMode(true);
  input.resume();
  try {
    return await new Promise<number | null>((chosen) => {
      const read = (bytes: Buffer) => {
        for (const key of keysOf(bytes.toString())) {
          if (key === 'enter' || key === 'stop') {
            input.off('data', read);
            return chosen(key === 'enter' ? place : null);
          }
          place = placeAfter(place, key, lines.length);
          draw(false);
        }
      };
      input.on('data', read);
    });
  } finally {
    input.setRawMode(false);
    input.pause();
  }
}
