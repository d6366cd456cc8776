/** The mapping of the benchmarks with five attributes, as the configuration and as plan/ know it. */
import type { MappingOptions } from '../plan/map.ts';

export const FIVE_ATTRIBUTES = {
  region: 'office',
  team: 'team',
  level: 'level',
  site: 'office',
  label: 'team + "/" + level',
} as const;

export const MAPPING: MappingOptions = {
  id: 'id',
  userName: 'email',
  displayName: 'name',
  attributes: FIVE_ATTRIBUTES,
};
