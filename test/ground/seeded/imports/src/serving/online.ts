export { job } from '../training/job.ts';
