import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { suiteVersion } from '../../../../daemons/lib/daemon/version.ts';

describe('the version that roles say of themselves', () => {
  it('is the one in package.json', () => {
    expect(suiteVersion).toBe(JSON.parse(readFileSync('package.json', 'utf8')).version);
  });

  it("is the Debian packages'", () => {
    const [, version] = /^package-rebuilder \((\S+)\)/.exec(readFileSync('debian/changelog', 'utf8')) ?? [];
    expect(version).toBe(suiteVersion);
  });
});
