/** The long proof of leavers: kill -9 in runs that take people away. `KILLS=200 npm run campaign -- leaver-kills` (the default is 40). */
import { describe } from 'vitest';
import { it } from '../support/journey.ts';
import { killLeavers, LEAVER_COMPANY, takingAway } from '../support/leaver-kills.ts';

const KILLS = Number(process.env.KILLS ?? 40);
const LANES = ['deactivate', 'delete', 'deactivate', 'delete'].map((action, lane) => ({ action, lane }));

describe.concurrent(`${KILLS} kills among leavers`, () => {
  it.for(LANES)(
    'take away whoever is due, once, and nobody else ($lane: $action)',
    async ({ action, lane }, { install }) => {
      const journey = await install([], LEAVER_COMPANY);
      journey.configure(takingAway(action));
      const tell = (line: string) => console.log(`lane ${lane}, ${action}: ${line}`);
      await killLeavers({ journey, kills: KILLS / LANES.length, betweenVerdicts: 10, tell });
    },
  );
});
