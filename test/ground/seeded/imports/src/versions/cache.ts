export { online } from '../serving/rollout.ts';

export const cache = 'cache';
