import type { Incident, IncidentPort } from '../../src/ports/incident.ts';

/** Incidents in memory: the definition of the port. Nothing survives the process, and nothing is delivered. */
export class MemoryIncidents implements IncidentPort {
  readonly #open = new Map<string, Incident>();

  open(incident: Incident): 'opened' | 'updated' {
    const known = this.#open.has(incident.fingerprint);
    this.#open.set(incident.fingerprint, structuredClone(incident));
    return known ? 'updated' : 'opened';
  }

  update(fingerprint: string, change: Parameters<IncidentPort['update']>[1]): void {
    const known = this.#open.get(fingerprint);
    if (known !== undefined) this.#open.set(fingerprint, structuredClone({ ...known, ...change }));
  }

  resolve(fingerprint: string): void {
    this.#open.delete(fingerprint);
  }

  active(): readonly Incident[] {
    return [...this.#open.values()];
  }
}
