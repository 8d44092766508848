/**
 * Command strings, split into words by the rules that apko's configurations rely on: those of Google's
 * shlex (https://pkg.go.dev/github.com/google/shlex), which are the shell's quoting and nothing else.
 * No variable, glob or operator is expanded: a command that needs them needs a shell.
 */

/** Why a command string cannot be split. */
export type UnsplitReason = "an unclosed quote" | "a backslash at its end";

const blank = /[ \t\r\n]/;

/**
 * Words end at blanks. '…' keeps everything; "…" keeps everything but the backslash, which makes the
 * next character literal, as it does outside of quotes; `#` at the start of a word begins a comment
 * that ends with the line.
 */
export function splitCommand(command: string): readonly string[] | UnsplitReason {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  let at = 0;
  while (at < command.length) {
    const character = command[at]!;
    at += 1;
    if (character === "\\" && quote !== "'") {
      if (at === command.length) return "a backslash at its end";
      // A character beyond the BMP is two units; both go to the word, one now and one as itself.
      word = (word ?? "") + command[at]!;
      at += 1;
    } else if (quote !== "") {
      if (character === quote) quote = "";
      else word += character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (blank.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === "#" && word === undefined) {
      const end = command.indexOf("\n", at);
      at = end === -1 ? command.length : end;
    } else word = (word ?? "") + character;
  }
  if (quote !== "") return "an unclosed quote";
  if (word !== undefined) words.push(word);
  return words;
}
