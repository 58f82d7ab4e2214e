import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runWith } from '../run.ts';

describe('rebuilderctl doctor', () => {
  let folder: string;
  let config: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'doctor-'));
    config = join(folder, 'rebuilder.conf');
    writeFileSync(config, '[common]\nsign-rate = many\n');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('tells of this machine what a role lacks: its configuration, and programs that are not on the PATH', async () => {
    const env = { PACKAGE_REBUILDER_CONF: config, PATH: folder };
    const { code, out } = await runWith({}, ['doctor', '--role', 'vault'], { env });
    expect(code).toBe(1);
    expect(out).toContain(`configuration: vault: ${config}:2: sign-rate`);
    expect(out).toContain('program-missing: vault: gpg, gpg-agent not found\n  In its template: apt install');
  });

  it('says the same to programs', async () => {
    const env = { PACKAGE_REBUILDER_CONF: config, PATH: process.env.PATH ?? '' };
    const { out } = await runWith({}, ['doctor', '--role', 'vault', '--json'], { env });
    const { memory, roles, findings } = JSON.parse(out);
    expect(memory).toBeGreaterThan(100);
    expect(roles).toMatchObject([{ role: 'vault', missing: [] }]);
    expect(findings.map(({ code }: { code: string }) => code)).toContain('configuration');
  });

  it('refuses a role that there is not', async () => {
    const { code, err } = await runWith({}, ['doctor', '--role', 'kitchen']);
    expect([code, err]).toEqual([2, expect.stringContaining('--role: found kitchen, expected orchestrator')]);
  });
});
