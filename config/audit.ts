/** `audit`: the record of what was done. Never decides where it lies; that is dataDir. */
import { flag, section } from './fields.ts';
import { DAY, duration } from './time.ts';

export interface AuditConfig {
  /** How long records are kept. */
  readonly retentionMs: number;
  /** The values that are sent to Omni are recorded too. */
  readonly values: boolean;
  /** Nothing is written to Omni that cannot be recorded first. */
  readonly required: boolean;
}

/** The section `audit`. */
export function auditSchema() {
  return section('the record of every write to Omni and every act of an operator', {
    retention: duration('how long records are kept', DAY, 36_500 * DAY).prefault('400d'),
    values: flag('whether the values that are sent are recorded too: personal data').prefault(false),
    required: flag('whether nothing may be written to Omni that cannot be recorded first').prefault(false),
  }).transform(
    ({ retention, values, required }): AuditConfig => ({ retentionMs: retention, values, required }),
  );
}
