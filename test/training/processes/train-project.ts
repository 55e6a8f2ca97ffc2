import { END, fill, openProject, slow } from '../training-project.ts';

/** Fills the project in the directory that its argument names, and trains its model until it is killed. */
const headrace = await openProject(process.argv[2] ?? '');
await fill(headrace);
await headrace.train(slow, { to: END });
