export { alive } from './alive.ts';
