import { catalogue } from '../src/base/errors/catalogue.ts';
import { exitCodes } from '../src/base/errors/exit-codes.ts';
import type { Command } from '../src/cli/command.ts';
import { commands } from '../src/cli/commands.ts';
import { helpPage } from '../src/cli/options/parse-call.ts';

const head = `# Command line

\`npx headrace\` reads headrace.config.ts of the current folder. Every command takes \`--json\`, which prints one JSON object on the
last line; text for people goes to stderr. A call that prints nothing for two seconds says there what it does; \`HEADRACE_QUIET=1\` forbids it. A call ends with 0, or with the exit code of its
[error](errors.md): see [how calls end](#how-calls-end).

This page is written by \`npm run pages\` from the help pages of src/cli; do not edit it by hand.
`;

/** The page docs/reference/cli.md: the help page of each command. */
export function cliPage(): string {
  const sections = commands.map(
    (command) => `## ${command.name.join(' ')}\n\n\`\`\`text\n${helpPage(command)}\n\`\`\`\n`,
  );
  return [head, endsSection(), ...sections].join('\n');
}

/** How calls end: the exit codes, then what each command does when it is asked to stop. */
function endsSection(): string {
  const codes = [
    '| 0 | the work is done; a command that serves was asked to stop, and closed whole |',
    ...Object.entries(exitCodes).map(([code, meaning]) => `| ${code} | ${meaning} |`),
    '| 130, 143 | Ctrl-C or SIGTERM ended the call at once; for `train job`, 143: it saved a checkpoint and left |',
    '| 141 | the reader of its output went away |',
  ];
  const stops = commands.flatMap((command) => stopRows(command));
  return `## How calls end

| exit code | meaning |
|---|---|
${codes.join('\n')}

Only 0 means that the work is done, so a scheduler can go by the code. Kubernetes, Slurm and SkyPilot start an exported job again after 6.

Ctrl-C and SIGTERM ask these commands to stop; every other command ends at once.

| command | exit code after a stop | error |
|---|---|---|
${stops.join('\n')}
`;
}

function stopRows({ name, stop = [] }: Command): readonly string[] {
  return stop.map(({ when, code }) => {
    const error = code === null ? '' : `[${code}](errors.md#${code.toLowerCase()})`;
    return `| \`${name.join(' ')}\`${when === '' ? '' : ` ${when}`} | ${code === null ? 0 : catalogue[code].exit} | ${error} |`;
  });
}
