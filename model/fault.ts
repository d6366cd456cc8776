/** What the log may say of an error, whoever threw it: a library's text may quote a record, or a value of one. */
import { isSyncError } from './errors.ts';

/** Names nobody. */
export interface FaultFacts {
  /** Our own text, the operating system's, or else the error's class alone. */
  readonly error: string;
  readonly code?: string;
  /** Where it was thrown, without the text. */
  readonly stack?: string;
}

const CODE = /^[\w.]{1,64}$/;
/** Redis begins each error with a word for its kind. */
const REDIS_WORD = /^[A-Z]{2,}\b/;
const FRAME = /^ {4}at .*(:\d+:\d+|<anonymous>|native)\)?$/;

/** Of ours and of a failed system call all is told; of anything else its class, its code and where. */
export function faultFacts(error: unknown): FaultFacts {
  if (isSyncError(error)) return { error: error.message, code: error.code };
  if (!(error instanceof Error)) return { error: typeof error };
  const code = codeOf(error);
  const known = { ...(code !== undefined && { code }) };
  if ('syscall' in error && code !== undefined) return { error: error.message, ...known };
  return { error: error.constructor.name, ...known, ...placeOf(error) };
}

function codeOf(error: Error): string | undefined {
  if ('code' in error && typeof error.code === 'string' && CODE.test(error.code)) return error.code;
  return error.name === 'ReplyError' ? REDIS_WORD.exec(error.message)?.[0] : undefined;
}

function placeOf({ name, message, stack = '' }: Error): Pick<FaultFacts, 'stack'> {
  const head = `${name}: ${message}`;
  const rest = stack.startsWith(head) ? stack.slice(head.length) : stack;
  const frames = rest.split('\n').filter((line) => FRAME.test(line));
  return frames.length === 0 ? {} : { stack: frames.join('\n') };
}
