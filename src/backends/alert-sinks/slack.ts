import type { AlertMessage, AlertSink } from '../../ports/alert-sink.ts';
import { postJson } from './post-json.ts';

/** Limits of Slack: characters of a header and of a section, and blocks of a message (api.slack.com/reference/block-kit/blocks). */
const HEADER_CHARACTERS = 150;
const SECTION_CHARACTERS = 3_000;
const MOST_BLOCKS = 50;

const MARKS: Readonly<Record<AlertMessage['action'], string>> = {
  opened: ':red_circle:',
  updated: ':large_orange_circle:',
  repeated: ':large_orange_circle:',
  acknowledged: ':eyes:',
  resolved: ':large_green_circle:',
  digest: ':newspaper:',
};

type Block = Readonly<Record<string, unknown>>;

/** Posts messages to an incoming webhook of Slack, as blocks. */
export function slackSink({ url, timeoutMs }: { readonly url: string; readonly timeoutMs: number }): AlertSink {
  return {
    capabilities: { digests: true, repeatMs: null },
    send: (message, signal) => postJson({ url, body: JSON.stringify(slackBody(message)), signal, timeoutMs }),
    close: () => undefined,
  };
}

function slackBody(message: AlertMessage): Readonly<Record<string, unknown>> {
  const { action, title, lines, link, key } = message;
  const sections = sectionsOf(lines.map(escaped));
  const blocks: Block[] = [
    { type: 'header', text: { type: 'plain_text', text: cut(title, HEADER_CHARACTERS), emoji: false } },
    ...sections.map((text) => ({ type: 'section', text: { type: 'mrkdwn', text } })),
    ...(link === null
      ? []
      : [{ type: 'section', text: { type: 'mrkdwn', text: `<${escaped(link)}|Open in Headrace>` } }]),
    { type: 'context', elements: [{ type: 'mrkdwn', text: `${MARKS[action]} ${action} · \`${escaped(key)}\`` }] },
  ];
  return { text: escaped(title), blocks, unfurl_links: false };
}

/** Lines in as few sections as their limits allow; lines that do not fit are counted. */
function sectionsOf(lines: readonly string[]): readonly string[] {
  const sections: string[] = [];
  for (const [i, line] of lines.entries()) {
    const last = sections.at(-1);
    const short = cut(line, SECTION_CHARACTERS);
    if (last !== undefined && last.length + short.length + 1 <= SECTION_CHARACTERS)
      sections[sections.length - 1] = `${last}\n${short}`;
    else if (sections.length < MOST_BLOCKS - 4) sections.push(short);
    else return [...sections, `… and ${lines.length - i} more lines`];
  }
  return sections;
}

/** The three characters that Slack reads as control (api.slack.com/reference/surfaces/formatting). */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
