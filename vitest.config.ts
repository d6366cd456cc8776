import { defineConfig } from 'vitest/config';

/** Where .ci/run wants the results as JSON. */
const results = process.env.TEST_RESULTS;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    setupFiles: ['test/support/setup.ts'],
    reporters: [
      'default',
      ...(results ? [['json', { outputFile: results }] satisfies [string, object]] : []),
    ],
  },
});
