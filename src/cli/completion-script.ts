import type { Command } from './command.ts';
import { commonOptions } from './parse-call.ts';

/** Shells that completion is written for. */
export const shells = ['bash', 'zsh'] as const;

const ZSH = `autoload -U +X compinit && compinit
autoload -U +X bashcompinit && bashcompinit
`;

/**
 * A script that completes the words and options of every command; files otherwise. It holds all names itself, so that a key press starts
 * no process. In zsh it runs by bashcompinit.
 */
export function completionScript(shell: (typeof shells)[number], commands: readonly Command[]): string {
  const longestFirst = commands.toSorted((a, b) => b.name.length - a.name.length);
  const calls = longestFirst.flatMap((command) =>
    namesOf(command).map((name) => line(`${name.join(' ')} *`, choicesOf(command), optionsOf(command))),
  );
  const firsts = [...new Set(commands.flatMap((command) => namesOf(command).map(([first]) => first)))];
  const begun = firsts
    .map((first) => ({ first, rest: secondWords(commands, first) }))
    .filter(({ rest }) => rest.length > 0)
    .map(({ first, rest }) => line(`${first} `, rest, []));
  return `${shell === 'zsh' ? ZSH : ''}_headrace() {
  local current="\${COMP_WORDS[COMP_CWORD]}" call="" words="" options="" i
  for ((i = 1; i < COMP_CWORD; i++)); do call="$call\${COMP_WORDS[i]} "; done
  case "$call" in
${[line('', firsts, ['--help', '--version']), ...begun, ...calls].join('\n')}
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

function namesOf({ name, also }: Command): readonly (readonly string[])[] {
  return also === undefined ? [name] : [name, also];
}

function secondWords(commands: readonly Command[], first: string): readonly string[] {
  return commands
    .flatMap(namesOf)
    .filter((name) => name.length > 1 && name[0] === first)
    .map(([, second]) => second);
}

/** The words of a command that takes one of a few: `diagnose|compare`. */
function choicesOf({ words }: Command): readonly string[] {
  return /^[a-z-]+(?:\|[a-z-]+)+/.exec(words)?.[0].split('|') ?? [];
}

function optionsOf({ options, readsArguments }: Command): readonly string[] {
  if (readsArguments === true) return ['--help'];
  return Object.keys({ ...options, ...commonOptions }).map((name) => `--${name}`);
}
