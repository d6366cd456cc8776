/** What the ledger remembers of people, as the lines of a file: to carry over to another Redis. Writes nothing. */
import { SyncError } from '../model/errors.ts';
import { endLine, headLine, linkLine } from '../plan/link-file.ts';
import type { SyncParts } from './sync.ts';

/**
 * The file's text, a piece at a time. Links that change meanwhile may stand there as they were or as they are.
 * @throws SyncError `config` `ledger.identity` where Redis remembers people under another configuration.
 */
export async function* exportLinks({ name, ledger }: Pick<SyncParts, 'name' | 'ledger'>) {
  const { ref, rebinds, memory } = await ledger.look();
  if (rebinds !== undefined) {
    throw new SyncError(
      'config',
      'ledger.identity',
      `sync ${name}: Redis remembers people under another configuration: ${rebinds}; export with the configuration that they were linked under`,
    );
  }
  const kept = await memory.leavers.kept();
  yield headLine({ sync: name, ...ledger.identity });
  let links = 0;
  for await (const page of memory.links.stored()) {
    links += page.length;
    yield page.map(({ link }) => linkLine({ link, kept: kept.has(ref(link.sourceId)) })).join('');
  }
  yield endLine(links);
}
