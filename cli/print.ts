/** How verbs write: lines for people, or one JSON document for programs. */

/** A line on standard output, or several; nothing in it reaches a terminal as an order. */
export function say(text: string): void {
  process.stdout.write(`${text.split('\n').map(printable).join('\n')}\n`);
}

/** One JSON document on standard output. */
export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
}

/** Rows as aligned columns, headed; nothing where there are no rows. Control characters never reach a terminal. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const clean = [head, ...rows].map((row) => row.map(printable));
  const widths = head.map((_, i) => Math.max(...clean.map((row) => row[i]?.length ?? 0)));
  return rows.length === 0
    ? []
    : clean.map((row) =>
        row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd(),
      );
}

/** Text without what a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '�');
}

/** `1 person`, `2 people`. */
export function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
