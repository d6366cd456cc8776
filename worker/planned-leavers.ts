/** People who are not wanted any more, as a plan shows them: where each stands on the way to being taken away, and why. */
import type { Tombstone } from '../model/leaver.ts';
import type { PlannedLeaver, PlannedStage } from '../plan/planned.ts';
import type { RowsAbout } from './planned-rows.ts';
import type { Preview } from './preview.ts';
import type { Leaver } from './survey-leavers.ts';
import type { SyncParts } from './sync.ts';

/** Those whom the read showed as not wanted, and those who are remembered so. */
export function plannedLeavers(parts: SyncParts, seen: Preview, about: RowsAbout): PlannedLeaver[] {
  const met = new Set(seen.leavers.map(({ link }) => link.sourceId));
  const remembered = new Map(seen.tombstones.map((tombstone) => [tombstone.sourceId, tombstone]));
  return [
    ...seen.leavers.map((leaver) => {
      const tombstone = remembered.get(leaver.link.sourceId);
      return tombstone === undefined
        ? exempt(leaver, stageOf(leaver, parts, seen), about)
        : onTheWay(tombstone, about);
    }),
    ...seen.tombstones.filter(({ sourceId }) => !met.has(sourceId)).map((one) => onTheWay(one, about)),
  ];
}

function onTheWay(tombstone: Tombstone, { ref }: RowsAbout): PlannedLeaver {
  const { sourceId, omniId, userName, cause, stage, since, due, heldBy = null, reason = null } = tombstone;
  const times = { since: new Date(since).toISOString(), due: new Date(due).toISOString() };
  return { sourceId, ref: ref(sourceId), omniId, userName, cause, stage, ...times, heldBy, reason };
}

function exempt({ link, cause }: Leaver, stage: PlannedStage, { ref }: RowsAbout): PlannedLeaver {
  const { sourceId, omniId, userName } = link;
  const nothing = { since: null, due: null, heldBy: null, reason: null };
  return { sourceId, ref: ref(sourceId), omniId, userName, cause, stage, ...nothing };
}

/** Why nobody is about to take this one away. */
function stageOf({ link }: Leaver, { rules, mapping }: SyncParts, { kept, look }: Preview): PlannedStage {
  if (rules.policy !== 'full') return 'shown';
  if (link.protected || mapping.protects(link)) return 'protected';
  return kept.has(look.ref(link.sourceId)) ? 'kept' : 'shown';
}
