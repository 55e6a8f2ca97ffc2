import { services } from './services.ts';

process.exitCode = await main(process.argv.slice(2));

/** `fetch|up|down|status [NAME…]`: all where none is named. Prints `NAME KEY=VALUE` of what runs. */
async function main([verb = '', ...names]: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !services.some((service) => service.name === name));
  if (unknown.length > 0 || !['fetch', 'up', 'down', 'status'].includes(verb)) {
    console.error(
      `usage: node scripts/services/main.ts fetch|up|down|status [${services.map(({ name }) => name).join('|')}]…`,
    );
    return 2;
  }
  const chosen = services.filter(({ name }) => names.length === 0 || names.includes(name));
  if (verb === 'fetch') {
    const wanted = chosen.filter(({ isDeep = false }) => !isDeep || names.length > 0);
    await Promise.all(wanted.map((service) => service.fetch()));
    return 0;
  }
  for (const service of chosen) {
    if (verb === 'down') await service.down();
    const told = verb === 'up' ? await service.up() : await service.status();
    const where =
      told === null
        ? 'down'
        : Object.entries(told)
            .map((entry) => entry.join('='))
            .join(' ');
    console.log(`${service.name} ${where}`);
  }
  return 0;
}
