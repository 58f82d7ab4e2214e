import { describe, expect, it } from 'vitest';
import { callers, doors } from '../../../../daemons/lib/contracts/contract.ts';
import { services } from '../../../../daemons/lib/contracts/services.ts';
import { splitGpgServices } from '../../../../daemons/lib/contracts/split-gpg.ts';

describe('the services', () => {
  it('have names and arguments that qrexec passes unchanged, each once', () => {
    const names = [...services, ...splitGpgServices].map(({ service }) => service);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_.-]{1,60}$/);
    for (const { allowed } of services) {
      for (const argument of Object.keys(allowed)) expect(argument).toMatch(/^[a-z]*$/);
    }
  });

  it('are answered by a door, for callers that there are, and let nobody in by default', () => {
    expect(services.length).toBeGreaterThan(0);
    for (const { door, allowed } of services) {
      expect(doors).toContain(door);
      expect(Object.keys(allowed).length).toBeGreaterThan(0);
      for (const those of Object.values(allowed)) {
        expect(those.length).toBeGreaterThan(0);
        for (const caller of those) expect(callers).toContain(caller);
      }
    }
  });

  it('give the vault to the attester alone, and a lease of a queue to one role', () => {
    for (const { service, door, allowed } of services) {
      const those = new Set(Object.values(allowed).flat());
      if (door === 'vault') expect([...those], service).toEqual(['attester']);
      if (door === 'disposable') expect([...those], service).toEqual(['rebuilder']);
      if (!/\.(Lease|Renew|Fetch|Return)$/.test(service)) continue;
      for (const [queue, roles] of Object.entries(allowed))
        expect(roles, `${service}+${queue}`).toHaveLength(1);
      expect(those).not.toContain('admin');
    }
    expect(new Set(splitGpgServices.flatMap((one) => one.callers))).toEqual(new Set(['attester']));
  });

  it('let a webhook ask for nothing but reading the archive', () => {
    const open = services.flatMap(({ service, allowed }) =>
      Object.entries(allowed).flatMap(([argument, those]) =>
        those.includes('webhook') ? [`${service}+${argument}`] : [],
      ),
    );
    expect(open).toEqual(['rebuilder.Trigger+get']);
  });
});
