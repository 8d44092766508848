/** JSON text: a value as JSON (RFC 8259) that disturbs neither a terminal nor a page that it stands in. */

/** What JSON leaves as it is and a terminal would obey: C1 controls, separators, formats and marks of direction. */
const unescaped = /[\u007f-\u009f\u2028\u2029]|\p{Cf}/gu;

export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, null, 2).replace(unescaped, (found) =>
    Array.from({ length: found.length }, (_, at) => escapeUnit(found.charCodeAt(at))).join(""),
  );
  return `${text}\n`;
}

function escapeUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, "0")}`;
}
