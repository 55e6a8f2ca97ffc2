import { parentPort, workerData } from 'node:worker_threads';
import { ProfileSlots, type ProfileSlotsOptions } from './profile-slots.ts';
import type { FromProfiles, ToProfiles } from './profile-thread.ts';

// The thread that profiles the vectors of a process.

const slots = new ProfileSlots(workerData as ProfileSlotsOptions);

parentPort?.on('message', (message: ToProfiles) => {
  switch (message.kind) {
    case 'bins':
      slots.setBins(message.service, message.bins);
      break;
    case 'batch':
      slots.add(message.place, message.batch, message.now);
      send({ kind: 'taken' });
      break;
    case 'drain':
      send({ kind: 'rows', ...slots.drain(message.everything, message.now) });
      break;
    default:
      message satisfies never;
  }
});

function send(message: FromProfiles): void {
  parentPort?.postMessage(message);
}
