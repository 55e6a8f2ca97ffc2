export { fixture } from '../cost/plan.ts';
