/**
 * A plan as a file: what it holds, and the digest by which an edited one is known. Pure. The digest finds slips, not
 * forgers: who can write the file can make a plan too.
 */
import { hash } from 'node:crypto';
import { SyncError } from '../model/errors.ts';
import type { PlannedChange, PlannedLeaver } from './planned.ts';

const FORMAT = 'omni-directory-sync plan';
const VERSION = 1;

/** The plan of one sync, as a file keeps it. */
export interface PlannedSync {
  readonly name: string;
  /** What it was made of; a plan for another is refused. */
  readonly identity: {
    readonly omniHost: string;
    readonly directory: string;
    readonly idExpression: string;
  };
  /** ISO 8601, by Redis's clock. */
  readonly madeAt: string;
  readonly changes: readonly PlannedChange[];
  readonly leavers: readonly PlannedLeaver[];
}

/** The text of the file. */
export function writePlanFile(syncs: readonly PlannedSync[]): string {
  const content = { format: FORMAT, version: VERSION, syncs };
  return `${JSON.stringify({ ...content, digest: digestOf(content) }, undefined, 2)}\n`;
}

/**
 * Reads the text of a file.
 * @throws SyncError `config`: `plan.no-plan`, `plan.version`, `plan.edited`.
 */
export function readPlanFile(text: string): readonly PlannedSync[] {
  const { digest, ...content } = parsed(text);
  if (content.format !== FORMAT) throw refusal('no-plan', 'this is no plan of omni-sync');
  if (content.version !== VERSION) {
    const message = `its form is ${JSON.stringify(content.version)}, this program reads form ${VERSION}`;
    throw refusal('version', message);
  }
  if (digest !== digestOf(content)) throw refusal('edited', 'it was changed after it was made');
  // Only `writePlanFile` makes this digest, of exactly this shape.
  return content.syncs as readonly PlannedSync[];
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    throw refusal('no-plan', 'this is not JSON, or a part of it is missing');
  }
  throw refusal('no-plan', 'this is no plan of omni-sync');
}

/** Over what the file says, however it is laid out. */
function digestOf(content: unknown): string {
  return hash('sha256', JSON.stringify(content), 'base64url');
}

function refusal(code: string, what: string): SyncError {
  const mend = 'make a new one with `omni-sync plan --out FILE`';
  return new SyncError('config', `plan.${code}`, `the plan file is refused: ${what}; ${mend}`);
}
