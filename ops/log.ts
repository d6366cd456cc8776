/** The daemon's log: JSON lines on standard error, or lines for eyes in a terminal; and no secret in any of them, by name and by value. */
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { prettyLine } from './log-line.ts';

export interface LogOptions {
  readonly level: string;
  /** Values that must never show, whatever they stand in. */
  readonly secrets: readonly string[];
  /** Lines for eyes instead of JSON. */
  readonly pretty?: boolean;
  /** Where lines go; standard error where left out. */
  readonly stream?: DestinationStream;
}

const HIDDEN = '[hidden]';

/** Makes the logger. Lines are cut by value as they are written, so that a library's error text is cut too. */
export function createLog(options: LogOptions): Logger {
  const stream = options.stream ?? standardError();
  const drawn = options.pretty === true ? prettyLine : (line: string) => line;
  return pino(
    {
      level: options.level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: [
          'apiKey',
          'authorization',
          'password',
          'token',
          '*.apiKey',
          '*.authorization',
          '*.password',
          '*.token',
        ],
        censor: HIDDEN,
      },
    },
    { write: (line: string) => stream.write(drawn(without(options.secrets, line))) },
  );
}

/** What is kept of lines that cannot be written; later ones are dropped. */
const UNWRITTEN_BYTES = 1_048_576;

/** A full disk, or a reader that is gone, costs lines of the log and nothing else. */
function standardError(): DestinationStream {
  const stream = destination({ fd: 2, sync: true, maxLength: UNWRITTEN_BYTES });
  stream.on('error', () => undefined);
  return stream;
}

function without(secrets: readonly string[], line: string): string {
  return secrets.reduce((text, secret) => text.replaceAll(JSON.stringify(secret).slice(1, -1), HIDDEN), line);
}
