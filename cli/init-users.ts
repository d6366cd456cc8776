/** The questions of `omni-sync init` about what a record means, shown on the records that were looked at. */
import type { DirectoryRecord } from '../model/person.ts';
import { compileMapping, mappingFaults } from '../plan/map.ts';
import type { Asker } from './asker.ts';
import { guessUsers } from './init-guess.ts';
import { count, say } from './print.ts';

/** The mapping, with proposals from the fields that there are. */
export async function askUsers(asker: Asker, records: readonly DirectoryRecord[]) {
  const guess = guessUsers(records);
  const expression = (field: string, text: string, preset: string, optional = false) =>
    asker.ask({
      text,
      ...((preset !== '' || optional) && { preset }),
      problem: (answer) => expressionProblem(field, answer),
    });
  say('\nWhich field is what; a CEL expression such as first_name + " " + last_name will do as well:');
  const users = {
    id: await expression('id', "The directory's id of a person, which never changes", guess.id),
    userName: await expression('userName', 'The e-mail address to sign in with', guess.userName),
    displayName: await expression('displayName', 'The name that Omni shows', guess.displayName),
    active: await expression('active', 'When is somebody active (empty: everyone is)', guess.active, true),
    where: await expression('where', 'Who belongs in Omni (empty: everyone)', '', true),
  };
  const attributes = await askAttributes(asker);
  showMapped(users, attributes, records);
  return { users, attributes };
}

async function askAttributes(asker: Asker): Promise<Record<string, string>> {
  const attributes: Record<string, string> = {};
  for (;;) {
    const answer = await asker.ask({
      text: 'An Omni user attribute to set, as in region = office (empty: no more)',
      preset: '',
      problem: (text) => {
        if (text === '') return undefined;
        const [, , written = ''] = ATTRIBUTE.exec(text) ?? [];
        return written === '' ? 'write reference = expression' : expressionProblem('displayName', written);
      },
    });
    const [, reference = '', written = ''] = ATTRIBUTE.exec(answer) ?? [];
    if (reference === '') return attributes;
    attributes[reference] = written;
  }
}

const ATTRIBUTE = /^([\w-]+)\s*=\s*([^=].*)$/;

/** What the records looked at come to, so that a wrong field shows before anything is written. */
function showMapped(
  users: Readonly<Record<'id' | 'userName' | 'displayName' | 'active' | 'where', string>>,
  attributes: Readonly<Record<string, string>>,
  records: readonly DirectoryRecord[],
): void {
  const { active, where, ...named } = users;
  const mapping = compileMapping({
    ...named,
    attributes,
    ...(active !== '' && { active }),
    ...(where !== '' && { where }),
  });
  const mapped = records.map((record) => mapping.map(record));
  const tally = (verdict: string) => mapped.filter((one) => one.verdict === verdict).length;
  const first = mapped.find((one) => one.verdict === 'inScope');
  const rejected = mapped.find((one) => one.verdict === 'rejected');
  say(
    `\n  of ${count(records.length, 'record', 'records')}: ${tally('inScope')} in scope, ${tally('outOfScope')} out of scope, ${tally('inactive')} inactive, ${tally('rejected')} rejected`,
  );
  if (first?.verdict === 'inScope') say(`  the first in scope becomes ${JSON.stringify(first.desired)}`);
  if (rejected?.verdict === 'rejected') say(`  the first rejected: ${rejected.rejection.reason}`);
  say('');
}

function expressionProblem(field: string, answer: string): string | undefined {
  if (answer === '') return undefined;
  return mappingFaults({ attributes: {}, protect: [], [field]: answer })[0]?.message;
}
