import { trainJobFile } from './train-job-file.ts';

// The process of an embedded trainer: reads the job that HEADRACE_JOB names, trains, leaves the result next to it.
await trainJobFile(process.env['HEADRACE_JOB'] ?? 'job.json');
