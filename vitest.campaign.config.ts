import { defineConfig } from 'vitest/config';

/** The long proofs, run by hand: `npm run campaign`. */
export default defineConfig({
  test: {
    include: ['test/campaign/**/*.campaign.ts'],
    testTimeout: 24 * 3600_000,
    setupFiles: ['test/support/setup.ts'],
  },
});
