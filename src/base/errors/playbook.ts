import { later, never, safe } from './row.ts';

/** Errors of playbooks: their declaration, their decisions and their journal. */
export const playbookErrors = {
  MODEL_PLAYBOOK: never(400, 2)
    .message('model {model} declares a playbook that cannot run: {option}: {reason}')
    .hint('correct the option; docs/reference/playbook.md lists them'),
  PLAYBOOK_NONE: never(404, 2)
    .message('model {model} declares no playbook')
    .hint('declare one: playbook: { mode: "dryRun" } decides and does nothing'),
  PLAYBOOK_DIFFERS: never(409, 3)
    .message('{count} decisions of the playbook of model {model} differ in the replay')
    .hint('see the printed decisions; report it with the journal if the declaration is the same'),
  PLAYBOOK_ANSWER: never(409, 5)
    .message('nothing of model {model} waits for an approval')
    .hint('read its state with headrace playbook status <model>'),
  PLAYBOOK_FROZEN: never(409, 5)
    .message('the playbook of model {model} is {state} already')
    .hint('read its state with headrace playbook status <model>'),
  PLAYBOOK_MOVED: safe(409, 5)
    .message('the journal of model {model} has {found} entries, not {expected}: another process wrote to it')
    .hint('read it, then decide again'),
  PLAYBOOK_ROWS: later(409, 4)
    .message(
      'the training set of model {model} has {rows} labelled rows after faulty spans were left out; {least} are needed',
    )
    .hint('wait for more labelled rows, or lower retrain.rows'),
  PLAYBOOK_FILE: never(503, 4)
    .message('the journal {path} cannot be used: {reason}')
    .hint('restore the file from a backup, or make it readable and writable'),
  PLAYBOOK_FORMAT: never(503, 4)
    .message('the journal {path} has format {format}; this version knows {known}')
    .hint('run the version of headrace that wrote it, or a newer one'),
  PLAYBOOK_BUSY: later(503, 5)
    .message('another process holds the journal {path}')
    .hint('retry; if it persists, stop the process that holds a write transaction open'),
  PLAYBOOK_WRITE: later(503, 4)
    .message('the journal {path} cannot be written: {reason}')
    .hint('free disk space, or make the file and its directory writable; nothing of the change was stored'),
};
