import type { Headrace } from './headrace.ts';
import type { OpenProject } from './opened-project.ts';

const insides = new WeakMap<Headrace, OpenProject>();

/** The open parts of a running project, for server, command line and tests; users have the methods of `Headrace`. */
export function insideOf(headrace: Headrace): OpenProject {
  const open = insides.get(headrace);
  if (open === undefined) throw new TypeError('not a running project');
  return open;
}

/** Makes the parts known to `insideOf`. */
export function keepInside(headrace: Headrace, open: OpenProject): OpenProject {
  insides.set(headrace, open);
  return open;
}
