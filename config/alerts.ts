/** `alerts`: whom to tell, and of what. Never sends anything. */

import { type Command, command } from './command.ts';
import { choice, given, IN_SECTION, list, oneOf, section } from './fields.ts';
import type { Files } from './files.ts';
import { longSecret, secret, secretFile } from './secret.ts';
import { webUrl } from './urls.ts';

/** What can be told, each with its meaning. */
const EVENTS = {
  held: 'changes wait for an approval',
  halted: 'all applying stopped',
  quarantined: 'Omni refused a person',
  incomplete: 'the directory was not read to its end',
  silence: 'nothing converged for too long',
  hollow: 'a run read nobody',
  drift: 'Omni was changed by hand',
  keyRefused: 'an API key is not accepted',
  redis: 'Redis would drop what it is given, or is nearly full',
} as const;

type AlertEvent = keyof typeof EVENTS;

/** Exactly one of `webhook` and `command` is there. */
export interface AlertConfig {
  /** An address that anyone who has it can post to: a secret. */
  readonly webhook?: string;
  /** Signs the webhook's body (HMAC). */
  readonly secret?: string;
  readonly command?: Command;
  readonly on: readonly AlertEvent[];
}

const SECRET = "the secret that the webhook's body is signed with";

/** The section `alerts`. */
export function alertsSchema(files: Files) {
  const all = Object.keys(EVENTS) as AlertEvent[];
  const fields = section('somebody to tell', {
    webhook: webUrl('an address that a JSON message is posted to').exactOptional(),
    command: command('a program that is run with the message on its standard input', files).exactOptional(),
    secret: secret(SECRET, longSecret).exactOptional(),
    secretFile: secretFile(SECRET, files, longSecret).exactOptional(),
    on: list('what to tell of; left out: everything', choice('an event', EVENTS)).prefault(all),
  });
  const alert = fields
    .superRefine(oneOf(['webhook', 'command'], 'whom to tell, as webhook or command'), IN_SECTION)
    .superRefine(oneOf(['secret', 'secretFile']), IN_SECTION)
    .transform(
      ({ secret, secretFile, ...rest }): AlertConfig => ({
        ...rest,
        ...given({ secret: (secret ?? secretFile)?.value }),
      }),
    );
  return list('whom to tell, and of what', alert, 0);
}
