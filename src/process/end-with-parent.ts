/**
 * Ends this process when the one that started it has gone, where no guard does: its channel closes. `before` is what it does first.
 * A child calls it before anything else.
 */
export function endWithParent(before: () => void | Promise<void> = () => undefined): void {
  process.once('disconnect', async () => {
    await before();
    process.exit(1);
  });
  // Of a terminal it goes to all processes; the parent ends this one.
  process.on('SIGINT', () => undefined);
}
