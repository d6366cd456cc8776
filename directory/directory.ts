/**
 * Where people come from: the one interface that every source implements, in a file of its own.
 * A source never skips a record that it failed to read, and never ends early without throwing.
 */
import type { DirectoryRecord } from '../model/person.ts';

/** Which person to look up: the records whose `field` holds `value`, compared as the directory compares it. */
export interface PersonQuery {
  readonly field: string;
  readonly value: string;
}

/** Some records of a read. */
export interface DirectoryPage extends ReadonlyArray<DirectoryRecord> {
  /** Where the record at an index of this page stands, as in `line 7`; asked for the few that need naming. */
  readonly placeOf?: (index: number) => string;
}

/** Some records of a read of changes. */
export interface ChangesPage extends DirectoryPage {
  /** What is left of people who surely are not in the directory any more: the fields that name them, and no other. */
  readonly gone?: readonly DirectoryRecord[];
}

/** From where the next read of changes goes on; or why there can be none, and how to mend that. */
export type NextWatermark = { readonly watermark: string } | { readonly problem: string };

/**
 * How a source tells who changed since a watermark: a text that it makes, and that it alone understands. An entry comes
 * once in a read, as a record or as gone; one that is in neither may be unchanged, or gone unnoticed.
 */
export interface Changes {
  /** What watermarks depend on (server, filter, attributes): one that was made under another basis means nothing. */
  readonly basis: string;
  /** Everybody, as `pages` has them; ends with a watermark of before this read, so that nothing falls between. */
  all(signal?: AbortSignal): AsyncGenerator<DirectoryPage, NextWatermark>;
  /**
   * Who changed since `watermark`, and some who did not; ends with the next one.
   * @throws SyncError `incomplete`, and the watermark stands. With the code `directory.watermark`, before any page, it
   * is of no use any more: everybody is to be read.
   */
  since(watermark: string, signal?: AbortSignal): AsyncGenerator<ChangesPage, string>;
}

/** The code of a watermark that is refused. */
export const WATERMARK_REFUSED = 'directory.watermark';

/**
 * One source of directory users.
 *
 * `pages` ending normally says: this read is complete. Throwing a SyncError of kind `incomplete` says: it is
 * not, and why; what was yielded before stays usable for joiners and movers, never for leavers. An abort is
 * such an error too (`directory.aborted`). Each call of `pages` is a read of its own, from the start.
 */
export interface Directory {
  /** How logs and messages name it: the type and where it reads, without secrets. */
  readonly name: string;
  /** Every record, in pages, one page in memory at a time. Aborting ends it with an error, not quietly. */
  pages(signal?: AbortSignal): AsyncIterable<DirectoryPage>;
  /** Of a source that can tell who changed, where it is asked to. */
  readonly changes?: Changes;
  /**
   * The records of one person, without reading everybody; empty where there is none within the directory's
   * own filter. A source that cannot look up has no such method: the caller then scans `pages`.
   * @throws SyncError `incomplete` where the answer cannot be believed, `config` where the field cannot be asked for.
   */
  find?(person: PersonQuery, signal?: AbortSignal): Promise<readonly DirectoryRecord[]>;
}
