/** B9: reading 100,000 people from a real OpenLDAP server, beside a bare paged search of ldapts for the same fields. */
import { startSlapd } from '../test/support/slapd.ts';
import { type Used, used } from './process.ts';
import { report, spread } from './report.ts';

const PEOPLE = 100_000;
const ROUNDS = 3;

const server = await startSlapd({ people: PEOPLE });
const args = [server.url, server.readerDn, server.readerPassword, server.peopleDn];
const read = async (script: string): Promise<Used> => {
  const one = await used(script, args);
  if (one.code !== 0 || one.stdout !== `${PEOPLE}\n`) throw new Error(`${script}: ${one.stdout}`);
  return one;
};
const [ours, bare]: [Used[], Used[]] = [[], []];
for (let round = 0; round < ROUNDS; round++) {
  ours.push(await read('bench/ldap-read.js'));
  bare.push(await read('bench/ldap-bare.js'));
}
await server.stop();
const ratio = (of: (one: Used) => number) =>
  `${spread(ours.map((one, i) => of(one) / of(bare[i] as Used)))}×`;
const both = (of: (one: Used) => number, digits: number) =>
  `${spread(ours.map(of), digits)} beside ${spread(bare.map(of), digits)}`;
const tell = (what: string, figure: string) => report({ bench: 'B9', what, figure });
const people = PEOPLE.toLocaleString('en');
tell(
  `reading ${people} LDAP entries as a directory, time over a bare paged search`,
  ratio(({ seconds }) => seconds),
);
tell(
  'the same, CPU over it',
  ratio(({ cpuSeconds }) => cpuSeconds),
);
tell(
  'seconds, ours beside the bare search',
  both(({ seconds }) => seconds, 1),
);
tell(
  'peak memory in MiB, ours beside the bare search (which keeps nothing)',
  both(({ peakMiB }) => peakMiB, 0),
);
