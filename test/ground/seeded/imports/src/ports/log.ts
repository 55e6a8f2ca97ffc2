export const load = () => import('../registry/models.ts');
