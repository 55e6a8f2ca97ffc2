// Writes test/fixtures/release-<version>: data of every durable format, as the release at hand writes them. Once for each
// release, before it is published; what was published is never written again.
// Run: node --conditions=headrace-source scripts/upgrade-fixture.ts 0.1.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeRelease } from '../test/upgrade/write-release.ts';

const [version] = process.argv.slice(2);
if (version === undefined || !/^\d+\.\d+$/.test(version)) throw new Error('name the version: 0.1');
const folder = fileURLToPath(new URL(`../test/fixtures/release-${version}`, import.meta.url));
if (existsSync(folder)) throw new Error(`${folder} is there already`);
await writeRelease(folder);
