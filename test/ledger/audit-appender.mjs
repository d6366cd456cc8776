// Appends records to a trail, one after the other, until it is killed; says each on standard output once it is durable.
// Arguments: the dist folder, the data folder, the socket of Redis, this process' name.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, dataDir, socket, name] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(join(dist, file)).href);
const { createAuditHeads } = await load('ledger/audit-heads.js');
const { openTrail } = await load('ledger/audit-trail.js');
const { Redis } = await import('ioredis');

const heads = createAuditHeads(new Redis({ path: socket }));
const trail = openTrail({
  dataDir,
  host: 'h',
  heads,
  retentionMs: 1e12,
  onHead: () => undefined,
  fileBytes: 20_000,
});
for (let n = 0; ; n++) {
  await trail.append({ at: new Date().toISOString(), did: 'send', id: `${name}-${n}` }, true);
  process.stdout.write(`${name}-${n}\n`);
}
