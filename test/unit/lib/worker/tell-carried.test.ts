import { describe, expect, it } from 'vitest';
import { openLog } from '../../../../daemons/lib/daemon/log.ts';
import { tellCarried } from '../../../../daemons/lib/worker/tell-carried.ts';

function told(payload: object): string {
  let said = '';
  const write = (line: string) => {
    said += line;
  };
  tellCarried(openLog('reporter', { style: 'journal', write }).child({ job: 'j.report' }), payload);
  return said;
}

describe('the builds that a job carries', () => {
  it('are each told whole, however many', () => {
    const builds = Array.from({ length: 60 }, (_, at) => `${'a'.repeat(14)}${10 + at}`);
    const lines = told({ kind: 'results', carried: { builds, more: 0, last: 60 } });
    for (const build of builds)
      expect(lines).toMatch(new RegExp(`^<6>carries builds=.*${build}\\b.* job=j\\.report$`, 'm'));
    expect(lines).not.toContain('not named');
  });

  it('are counted where there are too many', () => {
    expect(told({ carried: { builds: [], more: 7, last: 9 } })).toBe(
      '<6>carries builds that are not named more=7 job=j.report\n',
    );
  });

  it('are none of a job of one build', () => {
    expect(told({ kind: 'deb' })).toBe('');
  });
});
