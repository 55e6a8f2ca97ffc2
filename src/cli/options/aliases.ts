/** Names of commands that pages of 0.1 printed, and the engine's name of tile jobs: the words that each stands for. */
export const aliases: Readonly<Record<string, readonly string[]>> = {
  'cost prices refresh': ['cost', 'prices', 'import'],
  'drift causes': ['drift', 'report', '--of=causes'],
  'drift evidently': ['drift', 'compare'],
  'drift export': ['drift', 'report', '--of=predictions'],
  'drift labels': ['drift', 'estimate', '--of=labels'],
  'drift proxies': ['drift', 'report', '--of=proxies'],
  'drift sketches': ['drift', 'profile', '--sketches'],
  'drift slices': ['drift', 'estimate', '--of=slices'],
  'drift windows': ['drift', 'report', '--of=windows'],
  'flink deploy': ['tiles', 'deploy'],
  'flink logs': ['tiles', 'logs'],
  'flink status': ['tiles', 'status'],
  'flink stop': ['tiles', 'stop'],
  'flink upgrade': ['tiles', 'upgrade'],
  'registry purge': ['registry', 'collect', '--purge'],
};

/** The names that stand for a command, alone or with an option. */
export function aliasesOf(name: readonly string[]): readonly string[] {
  return Object.keys(aliases).filter((alias) => name.every((word, i) => aliases[alias][i] === word));
}

/** The arguments with an alias at their start as the words that it stands for. */
export function withoutAlias(args: readonly string[]): readonly string[] {
  const found = Object.entries(aliases).find(([alias]) => alias.split(' ').every((word, i) => args[i] === word));
  return found === undefined ? args : [...found[1], ...args.slice(found[0].split(' ').length)];
}
