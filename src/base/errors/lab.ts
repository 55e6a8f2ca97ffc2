import { later, never } from './row.ts';

/** Errors of the labs of a demo. */
export const labErrors = {
  LABS_OFF: never(404, 2)
    .message('this server offers no labs')
    .hint('start a demo that does: headrace labs, or npm start in the repository'),
  LAB_UNKNOWN: never(404, 2).message('there is no lab {lab}').hint('take one of GET /v1/labs'),
  LAB_STEP: never(404, 2)
    .message('the lab {lab} has no step {step}')
    .hint('take one of its steps: GET /v1/labs/<lab> lists them'),
  LAB_CHOICE: never(400, 2)
    .message('the step {step} has no choice {choice}')
    .hint('take one of its choices: GET /v1/labs/<lab> lists them'),
  LAB_STATE: later(409, 5)
    .message('the step {step} of the lab {lab} is {state}: it takes no {action}')
    .hint('act on the first open step, wait for its measurement, then decide'),
  LAB_SYSTEM: later(500, 4)
    .message('the system of the lab {lab} measured no usable number: {reason}')
    .hint('act again; report it with the message if it persists'),
  LABS_FILE: never(503, 4)
    .message('the progress of the labs in {path} cannot be used: {reason}')
    .hint('make the file readable and writable, or delete it: the labs then begin again'),
  LABS_FORMAT: never(503, 4)
    .message('the progress of the labs in {path} has format {format}; this version knows {known}')
    .hint('run the version of headrace that wrote it, or delete the file: the labs then begin again'),
};
