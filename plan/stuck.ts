/** Who waits for an address that nobody gives up: people who take over each other's in a circle, or wait behind somebody who stays. Pure. */

/** circle: those waited for wait for each other. kept: the last one waited for keeps the address. */
export type Stuck = 'circle' | 'kept';

/**
 * Those among `waits` (who wants an address → who has it) who would wait for ever. `moves`: whether somebody is about
 * to take another address at all.
 */
export function findStuck(
  waits: ReadonlyMap<string, string>,
  moves: (sourceId: string) => boolean,
): Map<string, Stuck> {
  const ends = new Map<string, Stuck | undefined>();
  for (const start of waits.keys()) {
    const passed = new Set<string>();
    let at: string | undefined = start;
    while (at !== undefined && moves(at) && !passed.has(at) && !ends.has(at)) {
      passed.add(at);
      at = waits.get(at);
    }
    const end = at === undefined ? undefined : moves(at) ? known(at, passed, ends) : 'kept';
    for (const sourceId of passed) ends.set(sourceId, end);
  }
  return new Map([...ends].flatMap(([sourceId, why]) => (why === undefined ? [] : [[sourceId, why]])));
}

function known(
  at: string,
  passed: ReadonlySet<string>,
  ends: ReadonlyMap<string, Stuck | undefined>,
): Stuck | undefined {
  return passed.has(at) ? 'circle' : ends.get(at);
}
