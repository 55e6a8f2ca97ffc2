export const load = () => import('../ports/log.ts');
