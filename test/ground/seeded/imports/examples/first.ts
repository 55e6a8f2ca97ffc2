export { main } from '../src/cli/main.ts';
