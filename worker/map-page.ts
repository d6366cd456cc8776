/** A page of the directory, mapped: what is rejected learns where its record stands, which the mapping cannot know. */
import type { DirectoryPage } from '../directory/directory.ts';
import type { Mapped, Mapping } from '../plan/map.ts';

/** What comes of each record of a page, in its order. */
export function mapPage(page: DirectoryPage, mapping: Pick<Mapping, 'map'>): Mapped[] {
  return page.map((record, index) => {
    const mapped = mapping.map(record);
    if (mapped.verdict !== 'rejected' || page.placeOf === undefined) return mapped;
    return { ...mapped, rejection: { ...mapped.rejection, where: page.placeOf(index) } };
  });
}
