// A setup file runs for each test file, and what it imports once in a process.
import './direct-imports.ts';
