/** Wrapping: text in lines that fit 80 columns. */

const lineWidth = 80;

/** Breaks between words only: a path or a checksum that is too long stays in one piece. */
export function wrapText(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").filter((each) => each !== "")) {
    if (line !== "" && indent + line.length + 1 + word.length > lineWidth) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  if (line !== "") lines.push(line);
  return lines.map((each) => " ".repeat(indent) + each);
}
