/** The program and arguments of a declared `command`; null: there is no such list. */
export function declaredCommand(command: unknown): readonly [string, ...string[]] | null {
  if (!Array.isArray(command) || typeof command[0] !== 'string') return null;
  const [program, ...args] = command.map(String);
  return [program, ...args];
}
