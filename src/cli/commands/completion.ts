import type { Command } from '../command.ts';
import { parseValue } from '../options/option.ts';
import { choice } from '../options/option-kinds.ts';

/** The command `completion`, of all commands. */
export const completionOf = (all: () => readonly Command[]): Command => ({
  name: ['completion'],
  summary: 'prints a script that completes commands and options: source <(headrace completion bash)',
  words: 'bash|zsh|fish',
  arity: [1, 1],
  async run({ words, terminal, json }) {
    const { completionScript, shells } = await import('../options/completion-script.ts');
    const shell = parseValue('shell', choice(shells), words[0]);
    const script = completionScript(shell, all());
    terminal.out(json ? JSON.stringify({ shell, script }) : script);
  },
});
