import type { Command } from '../command.ts';
import { choiceOption } from '../parse-option.ts';

export const completion: Command = {
  name: ['completion'],
  summary: 'prints a script that completes commands and options: source <(headrace completion bash)',
  words: 'bash|zsh',
  arity: [1, 1],
  options: {},
  help: {},
  async run({ words, terminal, json }) {
    const { completionScript, shells } = await import('../completion-script.ts');
    const { commands } = await import('../commands.ts');
    const shell = choiceOption('shell', words[0], shells) ?? 'bash';
    const script = completionScript(shell, commands);
    terminal.out(json ? JSON.stringify({ shell, script }) : script);
  },
};
