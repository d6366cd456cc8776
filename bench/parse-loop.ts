/** The least that a look at everyone takes: NDJSON line by line, parsed; with `hash` also JSON.stringify and SHA-256 (B4). */
import { hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

const [file = '', what] = process.argv.slice(2);
const seen = new Set<string>();
for await (const line of createInterface({ input: createReadStream(file) })) {
  const person = JSON.parse(line);
  if (what === 'hash') hash('sha256', JSON.stringify(person), 'hex');
  if (seen.size < 1) seen.add(person.id);
}
