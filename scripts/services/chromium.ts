import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { must, once } from './binaries.ts';
import type { Service } from './service.ts';

/** Debian's Chromium with all libraries that this machine lacks; unpacked, not installed. */
async function unpacked(): Promise<string> {
  return once('chromium', async (into) => {
    const archives = ['-o', `Dir::Cache::archives=${into}`, '-o', 'Debug::NoLocking=1'];
    const get = ['install', '--download-only', '--no-install-recommends', '--yes', ...archives, 'chromium'];
    await must('apt-get', get, into).catch(async () => {
      // A machine without package lists.
      await must('apt-get', ['update'], into);
      await must('apt-get', get, into);
    });
    for (const file of readdirSync(into).filter((name) => name.endsWith('.deb')))
      await must('dpkg-deb', ['-x', file, '.'], into);
  });
}

async function found(): Promise<Readonly<Record<string, string>>> {
  const place = join(await unpacked(), 'usr/lib');
  const libraries = readdirSync(place).find((name) => name.endsWith('-linux-gnu')) ?? '';
  const folders = [join(place, libraries), join(place, libraries, 'pulseaudio')];
  return { CHROMIUM: join(place, 'chromium/chromium'), CHROMIUM_LIBRARIES: folders.join(':') };
}

/** A browser for the tests of the console. */
export const chromium: Service = {
  name: 'chromium',
  sets: ['CHROMIUM', 'CHROMIUM_LIBRARIES'],
  async fetch() {
    await found();
  },
  up: found,
  async down() {},
  status: found,
};
