export { lab } from '../labs/lab.ts';
