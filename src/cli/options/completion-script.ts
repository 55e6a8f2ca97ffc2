import type { Command } from '../command.ts';
import { aliasesOf } from './aliases.ts';
import { optionsOf } from './parse-call.ts';

/** Shells that completion is written for. */
export const shells = ['bash', 'zsh', 'fish'] as const;

const ZSH = `autoload -U +X compinit && compinit
autoload -U +X bashcompinit && bashcompinit
`;

/**
 * A script that completes the words and options of every command; files otherwise. It holds all names itself, so that a key press starts
 * no process. In zsh it runs by bashcompinit.
 */
export function completionScript(shell: (typeof shells)[number], commands: readonly Command[]): string {
  if (shell === 'fish') return fishScript(commands);
  const longestFirst = commands.toSorted((a, b) => b.name.length - a.name.length);
  const calls = longestFirst.flatMap((command) =>
    namesOf(command).map((name) => line(`${name.join(' ')} *`, choicesOf(command), optionNames(command))),
  );
  const begun = begunNames(commands).map(({ begin, next, command }) =>
    line(`${begin} `, [...next, ...(command ? choicesOf(command) : [])], command ? optionNames(command) : []),
  );
  return `${shell === 'zsh' ? ZSH : ''}_headrace() {
  local current="\${COMP_WORDS[COMP_CWORD]}" call="" words="" options="" i
  for ((i = 1; i < COMP_CWORD; i++)); do call="$call\${COMP_WORDS[i]} "; done
  case "$call" in
${[line('', firstWords(commands), ['--help', '--version']), ...begun, ...calls].join('\n')}
  esac
  case "$current" in -*) words="$options" ;; esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _headrace headrace`;
}

function line(pattern: string, words: readonly string[], options: readonly string[]): string {
  const quoted = pattern.endsWith('*') ? `"${pattern.slice(0, -1)}"*` : `"${pattern}"`;
  return `    ${quoted}) words="${words.join(' ')}" options="${options.join(' ')}" ;;`;
}

function namesOf({ name }: Command): readonly (readonly string[])[] {
  return [name, ...aliasesOf(name).map((alias) => alias.split(' '))];
}

function firstWords(commands: readonly Command[]): readonly string[] {
  return [...new Set(commands.flatMap((command) => namesOf(command).map(([first]) => first)))];
}

/** The beginnings of names, the words that may follow each, and the command that has that name itself. */
function begunNames(commands: readonly Command[]) {
  const following = new Map<string, Set<string>>();
  for (const name of commands.flatMap(namesOf))
    for (let i = 1; i < name.length; i += 1) {
      const begin = name.slice(0, i).join(' ');
      following.set(begin, (following.get(begin) ?? new Set()).add(name[i]));
    }
  return [...following].map(([begin, next]) => ({
    begin,
    next: [...next],
    command: commands.find((command) => namesOf(command).some((name) => name.join(' ') === begin)),
  }));
}

/** The words of a command that takes one of a few: `diagnose|compare`. */
function choicesOf({ words }: Command): readonly string[] {
  return /^[a-z-]+(?:\|[a-z-]+)+/.exec(words)?.[0].split('|') ?? [];
}

function optionNames(command: Command): readonly string[] {
  return Object.keys(optionsOf(command)).map((name) => `--${name}`);
}

/** As above for fish, which completes files by itself. Each line holds where a command's words have just been written. */
function fishScript(commands: readonly Command[]): string {
  const calls = commands.flatMap((command) => namesOf(command).map((name) => ({ name, command })));
  return [
    `function __headrace_words
  test (count $argv) -eq 0; and return 0
  set -l words (commandline -opc)
  set -l last (math (count $argv) + 1)
  test (count $words) -ge $last; and test "$words[2..$last]" = "$argv"
end
function __headrace_next
  test (count (commandline -opc)) -eq (math (count $argv) + 1); and __headrace_words $argv
end`,
    `complete -c headrace -n '__headrace_next' -f -a '${firstWords(commands).join(' ')}'`,
    `complete -c headrace -n '__headrace_next' -l help`,
    `complete -c headrace -n '__headrace_next' -l version`,
    ...begunNames(commands).map(
      ({ begin, next }) => `complete -c headrace -n '__headrace_next ${begin}' -f -a '${next.join(' ')}'`,
    ),
    ...calls.flatMap(({ name, command }) => fishLines(name.join(' '), command)),
  ].join('\n');
}

function fishLines(name: string, command: Command): readonly string[] {
  const choices = choicesOf(command);
  const asked = `complete -c headrace -n '__headrace_words ${name}'`;
  return [
    ...(choices.length === 0 ? [] : [`complete -c headrace -n '__headrace_next ${name}' -f -a '${choices.join(' ')}'`]),
    ...optionNames(command).map((option) => `${asked} -l ${option.slice(2)}`),
  ];
}
