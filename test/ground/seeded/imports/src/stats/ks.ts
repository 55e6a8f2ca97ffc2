export type { view } from '../features/view.ts';
