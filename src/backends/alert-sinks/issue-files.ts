import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../files/replace-file.ts';
import type { AlertMessage, AlertSink, SentIncident, SinkAnswer } from '../../ports/alert-sink.ts';

/**
 * Writes each incident as Markdown for an issue, in `<number>-<digest>.md`. The file is replaced whole at each change, so the same
 * message again changes nothing. Its first line is the title of the issue, the rest its body.
 */
export function issueFilesSink(directory: string): AlertSink {
  return {
    capabilities: { digests: false, repeatMs: null },
    send: async (message): Promise<SinkAnswer> => {
      const [incident] = message.incidents;
      try {
        mkdirSync(directory, { recursive: true });
        const path = join(directory, `${incident.no}-${digestOf(incident)}.md`);
        replaceFile(path, issueText(message, incident));
        return { kind: 'accepted' };
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
        return { kind: 'later', reason: `the file cannot be written: ${code}`, afterMs: null };
      }
    },
    close: () => undefined,
  };
}

function digestOf({ fingerprint }: SentIncident): string {
  return createHash('sha256').update(fingerprint).digest('hex').slice(0, 12);
}

function issueText({ title, lines, link, action, project, namespace }: AlertMessage, incident: SentIncident): string {
  const rows = [
    ['state', incident.state],
    ['severity', incident.severity],
    ['tier', incident.tier ?? '–'],
    ['model', incident.model],
    ['slice', incident.slice ?? '–'],
    ['owner', incident.owner ?? '–'],
    ['opened', new Date(incident.openedAt).toISOString()],
    ['last seen', new Date(incident.at).toISOString()],
    ['project', `${project}, namespace ${namespace}`],
  ];
  return [
    escaped(title),
    '',
    '| | |',
    '|---|---|',
    ...rows.map(([name, value]) => `| ${name} | ${escaped(String(value))} |`),
    '',
    ...lines.map((line) => (line === '' ? '' : `- ${escaped(line)}`)),
    '',
    '<details><summary>Evidence</summary>',
    '',
    '```json',
    JSON.stringify(incident.evidence, null, 2),
    '```',
    '',
    '</details>',
    '',
    ...(link === null ? [] : [link, '']),
    `<!-- headrace: ${action} ${incident.id} -->`,
    '',
  ].join('\n');
}

/** Characters that Markdown reads as its own, and "@", which would call a person. */
function escaped(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|#]/g, (character) => `\\${character}`).replaceAll('@', '@\u200b');
}
