import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { daemonRoles } from '../../../../daemons/lib/domain/roles.ts';
import {
  examineQube,
  type QubeFacts,
  type RoleFacts,
} from '../../../../daemons/rebuilderctl/doctor/examine.ts';
import { doctorAdvice } from '../../../../daemons/rebuilderctl/doctor/findings.ts';
import { needs } from '../../../../daemons/rebuilderctl/doctor/needs.ts';

const getter: RoleFacts = {
  role: 'getter',
  state: { path: '/var/lib/package-rebuilder/getter', size: 4_096, free: 3_000, lasts: true },
  missing: [],
  configuration: undefined,
  outsider: undefined,
  lacksSplitGpg: false,
  unit: { state: 'active', restarts: 2 },
};
const well: QubeFacts = {
  qube: 'rebuilder-getter',
  isQubes: true,
  memory: 345,
  memoryLimit: undefined,
  roles: [getter],
};

describe('the doctor', () => {
  it('finds nothing where a qube has what its role needs', () => {
    expect(examineQube(well)).toEqual([]);
  });

  const seen = new Set<string>();
  it.each<[string, string, Partial<QubeFacts>, Partial<RoleFacts>, string]>([
    ['no role', 'no-role', { roles: [] }, {}, 'qvm-service rebuilder-getter package-rebuilder-ROLE on'],
    ['too little memory', 'memory-small', { memory: 290 }, {}, 'qvm-prefs rebuilder-getter memory 400'],
    [
      'less than it needs, whatever the balloon may bring',
      'memory-small',
      { memoryLimit: 399 },
      {},
      'qvm-prefs rebuilder-getter memory 400',
    ],
    [
      'a small volume',
      'disk-small',
      {},
      { state: { ...getter.state, size: 1_000 } },
      'qvm-volume resize rebuilder-getter:private 2048MiB',
    ],
    [
      'a full volume',
      'disk-full',
      {},
      { state: { ...getter.state, free: 10 } },
      'du -xh /var/lib/package-rebuilder/getter',
    ],
    ['state that does not last', 'state-lost', {}, { state: { ...getter.state, lasts: false } }, 'template'],
    ['no xz and no gpgv', 'program-missing', {}, { missing: ['xz', 'gpgv'] }, 'apt install xz-utils gpgv.'],
    ['a bad configuration', 'configuration', {}, { configuration: 'rebuilder.conf:3: x' }, 'mend the file'],
    [
      'a user outside the group',
      'group-missing',
      {},
      { outsider: 'rebuilder-getter' },
      'usermod --append --groups qubes rebuilder-getter',
    ],
    ['a vault without split-GPG', 'split-gpg-missing', {}, { lacksSplitGpg: true }, 'apt install split-gpg2'],
    [
      'a failed unit',
      'unit-failed',
      {},
      { unit: { state: 'failed', restarts: 5 } },
      'systemctl restart package-rebuilder-getter.service',
    ],
    [
      'a unit that crashes whenever it is started',
      'unit-restarting',
      {},
      { unit: { state: 'activating', restarts: 3 } },
      'journalctl --unit package-rebuilder-getter.service --pri warning',
    ],
    [
      'a stopped unit',
      'unit-stopped',
      {},
      { unit: { state: 'inactive', restarts: 0 } },
      'systemctl start package-rebuilder-getter.service',
    ],
  ])('finds %s, with the command that helps', (_what, code, qube, role, next) => {
    const [found, ...others] = examineQube({ ...well, roles: [{ ...getter, ...role }], ...qube });
    expect(others).toEqual([]);
    expect(found?.code).toBe(code);
    expect(found?.next).toContain(next);
    seen.add(code);
  });
  it('has been seen to find all that it may', () => {
    expect([...seen].sort()).toEqual(Object.keys(doctorAdvice).sort());
  });

  it('does not call a qube small that the balloon has shrunk while it is idle', () => {
    expect(examineQube({ ...well, memory: 210, memoryLimit: 2_000 })).toEqual([]);
  });
  it('does not call a first start a crash', () => {
    const roles = [{ ...getter, unit: { state: 'activating', restarts: 0 } }];
    expect(examineQube({ ...well, roles })).toEqual([]);
  });

  it('counts what several roles of one host need together, and wants no private volume there', () => {
    const roles = [getter, { ...getter, role: 'vault', state: { ...getter.state, lasts: false } } as const];
    const host = { ...well, isQubes: false, memory: 580, roles };
    expect(examineQube(host).map(({ code, say }) => [code, say])).toEqual([
      ['memory-small', '580 MiB of memory, getter, vault wants 700'],
    ]);
  });

  it('wants what Salt gives, and no more than 3 GiB for all the standing qubes', () => {
    const qubes = readFileSync(resolve('salt/package-rebuilder/qubes.yaml'), 'utf8');
    for (const role of daemonRoles) {
      const given = new RegExp(`role: ${role},[^}]*?memory: (\\d+)`, 's').exec(qubes)?.[1];
      expect(Number(given), role).toBe(needs[role].memory);
    }
    const sum = daemonRoles.reduce((total, role) => total + needs[role].memory, 0);
    expect(sum).toBeLessThanOrEqual(3 * 1_024);
  });
});
