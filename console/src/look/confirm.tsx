import { AlertDialog } from '@base-ui/react/alert-dialog';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import css from './confirm.module.css';
import dialog from './dialog.module.css';
import { Fault } from './fault.tsx';

/** A button of an action: its effect is named, and asked once, with the reason that the history keeps. */
export function Act(props: {
  /** The verb on the button. */
  readonly verb: string;
  /** The effect in one sentence. */
  readonly effect: string;
  readonly danger?: boolean;
  /** Whether a reason is asked. */
  readonly asksReason?: boolean;
  readonly run: (reason: string) => Promise<unknown>;
}) {
  const { verb, effect, danger = false, asksReason = true, run } = props;
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState('');
  const acting = useMutation({
    mutationFn: () => run(reason.trim()),
    onSuccess: () => {
      setOpen(false);
      setReason('');
    },
  });
  const kind = danger ? 'danger' : 'main';
  return (
    <AlertDialog.Root open={open} onOpenChange={setOpen}>
      <AlertDialog.Trigger data-kind={danger ? 'danger' : undefined}>{verb}</AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={dialog.shade} />
        <AlertDialog.Popup className={dialog.popup}>
          <AlertDialog.Title render={<h2>{verb}?</h2>} />
          <AlertDialog.Description render={<p>{effect}</p>} />
          {asksReason && (
            <label className={css.reason}>
              Reason, for the history
              <textarea rows={2} maxLength={1_000} value={reason} onChange={(event) => setReason(event.target.value)} />
            </label>
          )}
          <Fault error={acting.error} />
          <div className={css.buttons}>
            <AlertDialog.Close>Cancel</AlertDialog.Close>
            <button type="button" data-kind={kind} disabled={acting.isPending} onClick={() => acting.mutate()}>
              {acting.isPending ? 'Working…' : verb}
            </button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
