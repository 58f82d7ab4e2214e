import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { doors } from '../../daemons/lib/contracts/contract.ts';
import { services } from '../../daemons/lib/contracts/services.ts';
import { splitGpgServices } from '../../daemons/lib/contracts/split-gpg.ts';
import { rpcConfigFiles, serviceFiles } from '../../tools/qrexec/services.ts';

const root = join(import.meta.dirname, '../..');

describe('what stands below qrexec/', () => {
  it('holds each service at its door, and none at two', () => {
    const known = [...services, ...splitGpgServices];
    for (const door of doors) {
      for (const name of readdirSync(join(root, 'qrexec/services', door))) {
        expect(known.find(({ service }) => service === name)).toMatchObject({ door });
      }
    }
    const sockets = services.filter(({ kind }) => kind === 'socket');
    expect(serviceFiles().filter(({ kind }) => kind === 'link')).toHaveLength(sockets.length);
  });

  it('names a config for services only, each key once and of the subset of TOML that qrexec reads', () => {
    for (const file of rpcConfigFiles()) {
      const name = file.path.replace('qrexec/rpc-config/', '');
      expect(services.map(({ service }) => service)).toContain(name);
      const text = file.kind === 'text' ? file.text : '';
      const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      for (const line of lines) expect(line).toMatch(/^(exit-on-service-eof = true|force-user = '[a-z-]+')$/);
      expect(lines).toHaveLength(1);
    }
  });
});
