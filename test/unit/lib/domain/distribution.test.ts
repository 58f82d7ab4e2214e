import { describe, expect, it } from 'vitest';
import { isOfDistribution } from '../../../../daemons/lib/domain/distribution.ts';

describe('isOfDistribution', () => {
  it.each(['bookworm', 'bookworm-updates', 'bookworm-security', 'bookworm/updates'])(
    'holds for %s of bookworm',
    (suite) => {
      expect(isOfDistribution(suite, 'bookworm')).toBe(true);
    },
  );

  it.each(['trixie', 'bookworm-backports', 'bookworm-', 'xbookworm', ''])('does not for %j', (suite) => {
    expect(isOfDistribution(suite, 'bookworm')).toBe(false);
  });
});
