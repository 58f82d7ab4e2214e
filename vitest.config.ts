import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Most of what a test waits for is other programs.
    maxWorkers: '100%',
    // A busy machine takes its time; a poll that is never fulfilled still ends before its test.
    expect: { poll: { timeout: 15_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['test/unit/**/*.test.ts', 'test/contract/**/*.test.ts'],
          testTimeout: 20_000,
          // RSA keys are made in them.
          hookTimeout: 60_000,
          // A module's state outlives a file here as in a daemon; loading all anew for each costs a third of the time.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'flow',
          include: ['test/flow/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'packaging',
          include: ['test/packaging/**/*.test.ts'],
          globalSetup: ['test/packaging/setup.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
