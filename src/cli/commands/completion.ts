import type { Command } from '../command.ts';
import { choiceOption } from '../parse-option.ts';

/** The command `completion`, of all commands. */
export const completionOf = (all: () => readonly Command[]): Command => ({
  name: ['completion'],
  summary: 'prints a script that completes commands and options: source <(headrace completion bash)',
  words: 'bash|zsh|fish',
  arity: [1, 1],
  options: {},
  help: {},
  async run({ words, terminal, json }) {
    const { completionScript, shells } = await import('../completion-script.ts');
    const shell = choiceOption('shell', words[0], shells) ?? 'bash';
    const script = completionScript(shell, all());
    terminal.out(json ? JSON.stringify({ shell, script }) : script);
  },
});
