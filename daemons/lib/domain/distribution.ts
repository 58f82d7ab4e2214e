/** The suites that make one distribution of a Debian archive: its own, its updates, its security updates. */
const siblings = ['', '-updates', '-security', '/updates'] as const;

/** Whether a suite is of a distribution: `bookworm-security` is of `bookworm`. */
export function isOfDistribution(suite: string, distribution: string): boolean {
  return siblings.some((sibling) => suite === distribution + sibling);
}
