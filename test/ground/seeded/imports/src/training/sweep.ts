export { cache } from '../versions/cache.ts';
