import { rows } from './row.ts';

/** Errors of playbooks: their declaration, their decisions and their journal. */
export const playbookErrors = rows({
  MODEL_PLAYBOOK: {
    message: 'model {model} declares a playbook that cannot run: {option}: {reason}',
    hint: 'correct the option; docs/reference/playbook.md lists them',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  PLAYBOOK_NONE: {
    message: 'model {model} declares no playbook',
    hint: 'declare one: playbook: { mode: "dryRun" } decides and does nothing',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  PLAYBOOK_DIFFERS: {
    message: '{count} decisions of the playbook of model {model} differ in the replay',
    hint: 'see the printed decisions; report it with the journal if the declaration is the same',
    retry: 'never',
    status: 409,
    exit: 3,
  },
  PLAYBOOK_ANSWER: {
    message: 'nothing of model {model} waits for an approval',
    hint: 'read its state with headrace playbook status <model>',
    retry: 'never',
    status: 409,
    exit: 5,
  },
  PLAYBOOK_FROZEN: {
    message: 'the playbook of model {model} is {state} already',
    hint: 'read its state with headrace playbook status <model>',
    retry: 'never',
    status: 409,
    exit: 5,
  },
  PLAYBOOK_MOVED: {
    message: 'the journal of model {model} has {found} entries, not {expected}: another process wrote to it',
    hint: 'read it, then decide again',
    retry: 'safe',
    status: 409,
    exit: 5,
  },
  PLAYBOOK_ROWS: {
    message:
      'the training set of model {model} has {rows} labelled rows after faulty spans were left out; {least} are needed',
    hint: 'wait for more labelled rows, or lower retrain.rows',
    retry: 'later',
    status: 409,
    exit: 4,
  },
  PLAYBOOK_FILE: {
    message: 'the journal {path} cannot be used: {reason}',
    hint: 'restore the file from a backup, or make it readable and writable',
    retry: 'never',
    status: 503,
    exit: 4,
  },
  PLAYBOOK_FORMAT: {
    message: 'the journal {path} has format {format}; this version knows {known}',
    hint: 'run the version of headrace that wrote it, or a newer one',
    retry: 'never',
    status: 503,
    exit: 4,
  },
  PLAYBOOK_BUSY: {
    message: 'another process holds the journal {path}',
    hint: 'retry; if it persists, stop the process that holds a write transaction open',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  PLAYBOOK_WRITE: {
    message: 'the journal {path} cannot be written: {reason}',
    hint: 'free disk space, or make the file and its directory writable; nothing of the change was stored',
    retry: 'later',
    status: 503,
    exit: 4,
  },
});
