/** The JSON Schema of the file for editors, from the schema that the daemon itself checks with. Never reads anything. */
import { z } from 'zod';
import type { Files } from './files.ts';
import { configSchema } from './schema.ts';

/** The schema (draft 7, which editors know best) of a configuration as it is written; pretty JSON with a newline at its end. */
export function jsonSchemaText(): string {
  const schema = z.toJSONSchema(configSchema(NO_FILES), { io: 'input', target: 'draft-7' });
  return `${JSON.stringify({ ...schema, title: 'omni-directory-sync' }, null, 2)}\n`;
}

// A schema that is only described calls none of these.
const NO_FILES: Files = {
  absolute: (path) => path,
  readable: (path) => path,
  secret: () => ({ value: '' }),
  warn: () => undefined,
};
