/** A line of the log for eyes: time, level, message, then the fields. Nothing in it reaches a terminal as an order. */

/** Makes one of a line of JSON; the process and the host, which the eyes know, are left out. */
export function prettyLine(json: string): string {
  const { level, time, msg, pid: _, hostname: __, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const clock = String(time).slice(11, 19);
  const words = [msg ?? '', ...Object.entries(fields).map(([name, value]) => `${name}=${shown(value)}`)];
  const line = `${clock} ${String(level).padEnd(5)} ${words.join(' ')}`;
  return `${line.replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd')}\n`;
}

function shown(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
}
