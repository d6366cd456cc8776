import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';

/** Where .ci/run wants the results as JSON. */
const results = process.env.TEST_RESULTS;

/** The long and heavy part of the fault campaign, which `npm run faults` runs; it sets FAULT_SEEDS. */
const campaign =
  process.env.FAULT_SEEDS === undefined ? ['test/faults/{cluster,disk,processes,random,redis}.test.ts'] : [];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...campaign],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // An event is awaited, however starved the machine: a poll ends when it has come.
    expect: { poll: { timeout: 60_000 } },
    pool: 'forks',
    // Tests of real processes wait for much of their time: one more than there are cores, where one less is the default.
    maxWorkers: availableParallelism() + 1,
    setupFiles: ['test/support/setup.ts'],
    coverage: {
      // What decides on taking people away, and does it: no branch of it may be without a test.
      include: [
        'plan/guard.ts',
        'plan/held.ts',
        'plan/leavers.ts',
        'ledger/leavers.ts',
        'worker/leave.ts',
        'worker/leavers.ts',
      ],
      thresholds: { 100: true, perFile: true },
      reporter: 'text',
      reportsDirectory: 'node_modules/.cache/coverage',
    },
    reporters: [
      'default',
      ...(results ? [['json', { outputFile: results }] satisfies [string, object]] : []),
    ],
  },
});
