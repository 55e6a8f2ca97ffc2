type Area = 'ALERT' | 'PLAYBOOK' | 'REGISTRY' | 'ROLLOUT';

/** A kind of SQLite file. */
export interface SqliteKind {
  /** SQLite's application_id: another program's database is not taken for one. */
  readonly application: number;
  readonly codes: {
    readonly file: `${Area}_FILE`;
    readonly format: `${Area}_FORMAT`;
    readonly write: `${Area}_WRITE`;
    readonly busy: `${Area}_BUSY`;
  };
}

/** The files of an environment. Each application_id is four ASCII characters. */
export const sqliteKinds = {
  /** "HRrg" */
  registry: {
    application: 0x48_52_72_67,
    codes: { file: 'REGISTRY_FILE', format: 'REGISTRY_FORMAT', write: 'REGISTRY_WRITE', busy: 'REGISTRY_BUSY' },
  },
  /** "HRro" */
  rollouts: {
    application: 0x48_52_72_6f,
    codes: { file: 'ROLLOUT_FILE', format: 'ROLLOUT_FORMAT', write: 'ROLLOUT_WRITE', busy: 'ROLLOUT_BUSY' },
  },
  /** "HRpb" */
  playbooks: {
    application: 0x48_52_70_62,
    codes: { file: 'PLAYBOOK_FILE', format: 'PLAYBOOK_FORMAT', write: 'PLAYBOOK_WRITE', busy: 'PLAYBOOK_BUSY' },
  },
  /** "HRal" */
  alerts: {
    application: 0x48_52_61_6c,
    codes: { file: 'ALERT_FILE', format: 'ALERT_FORMAT', write: 'ALERT_WRITE', busy: 'ALERT_BUSY' },
  },
} as const satisfies Readonly<Record<string, SqliteKind>>;

/** The kind of the file `<name>.sqlite`. */
export function sqliteKindOf(name: string): SqliteKind {
  const kind = Object.entries(sqliteKinds).find(([of]) => of === name)?.[1];
  if (kind === undefined) throw new TypeError(`no kind of SQLite file is named ${name}`);
  return kind;
}
