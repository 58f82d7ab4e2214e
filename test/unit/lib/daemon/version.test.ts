import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { suiteVersion } from '../../../../daemons/lib/daemon/version.ts';

it('the version that roles say of themselves is the one in package.json', () => {
  expect(suiteVersion).toBe(JSON.parse(readFileSync('package.json', 'utf8')).version);
});
