/** kill -9 while people are taken away: the short form of test/campaign/leaver-kills.campaign.ts. */
import { describe } from 'vitest';
import { it } from '../support/journey.ts';
import { killLeavers, LEAVER_COMPANY, takingAway } from '../support/leaver-kills.ts';

/** A job of a process that was killed comes again after ten seconds or more. */
const LONGEST_MS = 240_000;

describe.concurrent('runs that are killed while people are taken away', () => {
  it.for(['deactivate', 'delete'] as const)(
    'take away whoever is due, once, and nobody else (%s)',
    { timeout: LONGEST_MS },
    async (action, { install }) => {
      const journey = await install([], LEAVER_COMPANY);
      journey.configure(takingAway(action));
      await killLeavers({ journey, kills: 5, betweenVerdicts: 5 });
    },
  );
});
