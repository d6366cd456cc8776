/** One person's whole story, as `explain`, the HTTP interface and the person's page show it. Personal by its nature: for operators alone, never for a log. */
import type { JobLook } from '../jobs/look.ts';
import type { StoredTombstone } from '../ledger/leavers.ts';
import type { SetAside } from '../ledger/quarantine.ts';
import type { AuditEntry } from '../model/audit.ts';
import type { LinkState, Provenance } from '../model/link.ts';
import type { DesiredUser, DirectoryRecord } from '../model/person.ts';
import type { MappingStory } from '../model/story.ts';
import type { DriftedField } from './drift-view.ts';

/** The person's record as the directory gives it now. */
export interface RecordView {
  /** several: records share the id, and none is followed. unread: the directory could not be asked. */
  readonly found: 'one' | 'none' | 'several' | 'unread';
  /** Why it could not be read. */
  readonly problem?: string;
  /** The fields that the mapping reads; null where there is not exactly one record. */
  readonly fields: DirectoryRecord | null;
}

/** What the ledger remembers of the person's account. */
export interface LinkView {
  readonly omniId: string;
  readonly userName: string;
  readonly provenance: Provenance;
  readonly state: LinkState;
  /** ISO 8601. */
  readonly since: string;
  readonly protected: boolean;
}

/** What would be done for the record as it is now; `none` where nothing differs. */
export interface ChangeView {
  readonly kind: string;
  /** The fields that would be written: `displayName`, `@region`. */
  readonly fields: readonly string[];
  /** Why it is withheld. */
  readonly reason?: string;
}

/** What waits to be applied. */
export interface WaitingView {
  readonly kind: 'change' | 'removal' | 'nothing';
  readonly version: string;
  readonly run: string;
  readonly desired: DesiredUser | null;
}

/** One record of what was done, of this host's files and Redis's view of them; values that were sent are left out. */
export interface AuditView
  extends Pick<AuditEntry, 'at' | 'did' | 'call' | 'who' | 'cause' | 'run' | 'omniId' | 'outcome' | 'note'> {
  readonly fields: readonly string[];
}

export interface Explanation {
  readonly sync: string;
  readonly sourceId: string;
  readonly ref: string;
  readonly record: RecordView;
  readonly mapping: MappingStory | null;
  readonly desired: DesiredUser | null;
  readonly link: LinkView | null;
  readonly change: ChangeView | null;
  readonly waiting: WaitingView | null;
  readonly leaver: StoredTombstone | null;
  /** An operator keeps them from being taken away. */
  readonly kept: boolean;
  readonly setAside: SetAside | null;
  /** The person's job in the queue, if there is one. */
  readonly jobs: readonly JobLook[];
  /** Fields that were changed in Omni by hand, where that was looked at. */
  readonly drift: readonly DriftedField[] | null;
  /** Newest first. */
  readonly audit: readonly AuditView[];
  /** What happens next, and when, in words. */
  readonly next: string;
}
