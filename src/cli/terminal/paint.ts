import { styleText } from 'node:util';

type Style = 'red' | 'yellow' | 'green' | 'cyan' | 'bold' | 'dim';

/** Text in a style where a stream is a terminal that shows colours, and NO_COLOR does not forbid them; otherwise the text. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream): string {
  return styleText(style, text, { stream });
}
