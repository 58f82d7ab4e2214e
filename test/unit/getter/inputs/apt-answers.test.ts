import { describe, expect, it } from 'vitest';
import { parseSimulation, unmetDependencies } from '../../../../daemons/getter/inputs/apt-answers.ts';
import { ProgramError } from '../../../../daemons/lib/daemon/program.ts';

describe('parseSimulation', () => {
  it('reads what apt would install, upgrade and remove', () => {
    const text = `Reading package lists...
The following NEW packages will be installed:
  a b
Inst libc6 (2.36-9+deb12u14 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64]) []
Inst adduser [3.1] (3.134 Debian:12.15/oldstable [all])
Inst libx:i386 (1:1.0~rc1 localhost [i386])
Conf libc6 (2.36-9+deb12u14 Debian:12.15/oldstable [amd64])
Remv old [1.0]
Remv older:i386 [1.0] [x:amd64 ]
`;
    expect(parseSimulation(text)).toEqual({
      install: [
        { package: 'libc6', version: '2.36-9+deb12u14', architecture: 'amd64' },
        { package: 'adduser', version: '3.134', architecture: 'all' },
        { package: 'libx', version: '1:1.0~rc1', architecture: 'i386' },
      ],
      remove: ['old', 'older'],
    });
  });
});

describe('unmetDependencies', () => {
  const failed = (stdout: string, stderr: string) =>
    unmetDependencies(
      new ProgramError('failed', 'apt-get: ended with code 100', stderr, 100, Buffer.from(stdout)),
    );

  it('names what apt cannot satisfy', () => {
    const text = `The following packages have unmet dependencies:
 builddeps:./x.dsc : Depends: nothing-here but it is not installable
                     Depends: old (>= 9) but 1.0 is to be installed
`;
    expect(failed(text, 'E: Unable to correct problems\n')).toBe(
      'nothing-here but it is not installable; old (>= 9) but 1.0 is to be installed',
    );
  });

  it("gives apt's last words where it says nothing better", () => {
    expect(failed('', 'W: a warning\nE: Broken\n')).toBe('Broken');
    expect(failed('', '')).toContain('100');
  });
});
