/** All questions of `omni-sync init`, in their order; each answer is tried as it comes. Writes nothing. */
import { bearerSecret } from '../config/secret.ts';
import { omniUrl } from '../config/urls.ts';
import { type Asker, oneOfThese, problemOf } from './asker.ts';
import { askDirectory, PASSWORD_FILE } from './init-directory.ts';
import { askUsers } from './init-users.ts';
import type { Answers } from './init-yaml.ts';

/** What is to be written: the answers, and file name → secret. */
export interface Written {
  readonly answers: Answers;
  readonly secrets: Readonly<Record<string, string>>;
}

const KEY_FILE = 'omni-api-key';

/** Asks everything; `folder` is where the configuration will stand. */
export async function askAll(asker: Asker, folder: string): Promise<Written> {
  const { directory, password, records } = await askDirectory(asker, folder);
  const { users, attributes } = await askUsers(asker, records);
  const url = await asker.ask({
    text: 'The address that one logs in to Omni at, such as https://acme.omniapp.co',
    problem: problemOf(omniUrl('the address')),
  });
  const key = await asker.ask({
    text: "An organization API key of Omni's (Settings → API keys; not shown)",
    secret: true,
    problem: bearerSecret,
  });
  const keyOwner = await asker.ask({
    text: 'The address of the person who made that key: never taken away (empty: skip)',
    preset: '',
  });
  const name = await asker.ask({
    text: 'A name for this pair of directory and Omni',
    preset: nameFrom(url),
    problem: (answer) =>
      /^[a-z0-9-]{1,40}$/.test(answer) ? undefined : 'one to 40 small letters, digits and hyphens',
  });
  const policy = await asker.ask({
    text: 'How far may it go: create (only creates), upsert (creates and updates), full (takes leavers away too)',
    preset: 'upsert',
    problem: oneOfThese(['create', 'upsert', 'full']),
  });
  return {
    answers: { name, directory, users, attributes, omni: { url, apiKeyFile: KEY_FILE, keyOwner }, policy },
    secrets: { [KEY_FILE]: key, ...(password !== '' && { [PASSWORD_FILE]: password }) },
  };
}

/** `acme` of https://acme.omniapp.co. */
function nameFrom(url: string): string {
  const [label = ''] = new URL(url).hostname.split('.');
  return /^[a-z][a-z0-9-]{0,39}$/.test(label) ? label : 'omni';
}
