export { open } from '../running/headrace.ts';
