import { describe, expect, it } from 'vitest';
import { enabledUnits } from '../../tools/systemd/units.ts';
import { AptRoot } from '../support/apt-root.ts';
import { installedRoot } from '../support/installed-root.ts';

const root = new AptRoot(installedRoot);
/** Of 10: what `systemd-analyze security` calls well protected ends at 2. */
const maxExposure = 2;
/** The whole line of one host runs as root and makes sandboxes: its unit says of each option why it cannot have it. */
const maxLineExposure = 8;

describe('the installed units', () => {
  const units = [...enabledUnits(), 'rebuilder.service'];

  it.each(units)('%s is as systemd wants units to be', async (unit) => {
    const answer = await root.run('systemd-analyze', [
      'verify',
      '--recursive-errors=no',
      `/usr/lib/systemd/system/${unit}`,
    ]);
    expect(answer).toEqual({ accepted: true, log: '' });
  });

  const roles = enabledUnits().filter((unit) => unit.endsWith('.service') && !unit.includes('journal'));
  it.each([
    ...roles.map((unit) => [unit, maxExposure] as const),
    ['rebuilder.service', maxLineExposure] as const,
  ])('%s leaves at most %d of 10 open', async (unit, most) => {
    const { log } = await root.run('systemd-analyze', ['security', '--offline=yes', '--no-pager', unit]);
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(log)?.[1]);
    expect(exposure).toBeGreaterThan(0);
    expect(exposure).toBeLessThanOrEqual(most);
  });
});
