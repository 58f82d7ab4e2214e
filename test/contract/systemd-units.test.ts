import { describe, expect, it } from 'vitest';
import { callers } from '../../daemons/lib/contracts/contract.ts';
import { services } from '../../daemons/lib/contracts/services.ts';
import { serviceFiles } from '../../tools/qrexec/services.ts';
import { unitRoles } from '../../tools/systemd/roles.ts';
import { unitFiles } from '../../tools/systemd/units.ts';

const units = new Map(
  unitFiles().map((file) => [file.path.split('/').at(-1), file.kind === 'text' ? file.text : '']),
);
const serviceOf = (role: string) => units.get(`package-rebuilder-${role}.service`) ?? '';
const socketOf = (role: string) => units.get(`package-rebuilder-${role}.socket`);

describe("a role's unit", () => {
  it.each(unitRoles)('of $role starts where its flag is, and in no template', ({ role }) => {
    for (const text of [serviceOf(role), socketOf(role) ?? serviceOf(role)]) {
      expect(text).toContain(`\nConditionPathExists=/run/qubes-service/package-rebuilder-${role}\n`);
      expect(text).toContain('\nConditionPathExists=!/run/qubes/this-is-templatevm\n');
    }
  });

  it.each(unitRoles)('of $role has a network only if it is one of those that have', ({ role }) => {
    expect(serviceOf(role).includes('\nPrivateNetwork=yes\n')).toBe(
      !['getter', 'uploader', 'webhook'].includes(role),
    );
  });

  it.each(unitRoles)('of $role reaches the devices of a call exactly if it calls', ({ role }) => {
    const calls = (callers as readonly string[]).includes(role);
    const devices = [...serviceOf(role).matchAll(/^DeviceAllow=\/dev\/xen\/(\S+) rw$/gm)].map(
      ([, name]) => name,
    );
    expect(devices).toEqual(calls ? ['evtchn', 'gntalloc', 'gntdev', 'hypercall', 'privcmd', 'xenbus'] : []);
    expect(serviceOf(role).includes('\nPrivateDevices=yes\n')).toBe(!calls);
    expect(serviceOf(role).includes('qubes-qrexec-agent.service')).toBe(calls);
  });

  it('is a socket, too, where the services of its door lead to', () => {
    const listening = unitRoles.flatMap(({ role }) => socketOf(role)?.match(/ListenStream=(.*)/)?.[1] ?? []);
    const leadTo = serviceFiles().flatMap((file) => (file.kind === 'link' ? [file.target] : []));
    expect(listening.sort()).toEqual([...new Set(leadTo)].sort());
    expect(services.some(({ kind }) => kind === 'socket')).toBe(true);
  });

  it('is enabled wherever the package is', () => {
    const enabled = (units.get('60-package-rebuilder.preset') ?? '').match(/(?<=^enable ).*/gm);
    const all = [...units.keys(), 'package-rebuilder-journal.service'];
    expect(enabled?.sort()).toEqual(all.filter((name) => !name?.endsWith('.preset')).sort());
  });
});
