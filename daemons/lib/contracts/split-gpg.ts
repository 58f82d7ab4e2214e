import type { Caller, Door } from './contract.ts';

/** Qubes' own services that the suite calls: not framed, bytes pass as they come (facts: split-gpg). */
export const splitGpgServices = [
  { service: 'qubes.Gpg', door: 'vault', kind: 'executable', callers: ['attester'] },
  { service: 'qubes.Gpg2', door: 'vault', kind: 'executable', callers: ['attester'] },
] as const satisfies readonly Readonly<{
  service: string;
  door: Door;
  kind: 'executable';
  callers: readonly Caller[];
}>[];
