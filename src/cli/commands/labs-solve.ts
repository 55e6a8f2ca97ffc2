import { command } from '../command.ts';
import { LOCAL_SERVER } from '../link/ask-server.ts';
import { option } from '../options/option.ts';
import { name } from '../options/option-kinds.ts';

export const labsSolve = command({
  name: ['labs', 'solve'],
  summary: 'solves labs of a running server, and prints every decision with its measured loss',
  words: '[<lab>…]',
  arity: [0, 5],
  options: {
    server: option(name('the address of a server'), 'address of a server that offers labs', LOCAL_SERVER),
  },
  async run(call) {
    const { solveLabs } = await import('../labs/solve-labs.ts');
    return solveLabs(call, call.options.server);
  },
});
