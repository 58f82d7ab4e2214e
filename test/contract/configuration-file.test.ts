import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../daemons/lib/daemon/config.ts';
import { configRoles, keys } from '../../daemons/lib/daemon/keys.ts';

const path = join(import.meta.dirname, '../../config/rebuilder.conf');
const text = readFileSync(path, 'utf8');

describe('the configuration that the package brings', () => {
  it.each(configRoles)('sets nothing for %s', (role) => {
    const loaded = loadConfig(role, { paths: [path], env: {} });
    expect(loaded.warnings).toEqual([]);
    expect(text.split('\n').filter((line) => line !== '' && !/^[#[]/.test(line))).toEqual([]);
  });

  it('names every key, and no other', () => {
    const named = [...text.matchAll(/^#([a-z_-]+) =/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual(
      Object.values(keys)
        .map(({ names: [name] }) => name)
        .sort(),
    );
  });

  it.each(configRoles)('has defaults and examples that %s would take', (role) => {
    const folder = mkdtempSync(join(tmpdir(), 'configuration-'));
    try {
      writeFileSync(join(folder, 'rebuilder.conf'), text.replaceAll(/^#(?=[a-z_-]+ =)/gm, ''));
      const { warnings, files } = loadConfig(role, { paths: [join(folder, 'rebuilder.conf')], env: {} });
      expect(warnings).toEqual([]);
      expect(files).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
