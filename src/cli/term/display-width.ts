/**
 * Display width: the columns that text takes on a terminal. Ideographs and most emoji take two,
 * marks that join the character before them take none
 * (Unicode Standard Annex 11, https://www.unicode.org/reports/tr11/).
 */
import { stripVTControlCharacters } from "node:util";

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

const joining = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** Makes an emoji of the character before, which some terminals then draw wide. */
const emojiSelector = "\ufe0f";

/**
 * Columns of one code point. Terminals disagree on emoji that are joined of several; the sum of
 * their widths is the most that any of them takes.
 */
function widthOfCharacter(character: string): number {
  if (character < "\u0300") return 1;
  if (character === emojiSelector) return 1;
  if (joining.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

/** Columns of a text on one line; colours take none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) width += widthOfCharacter(character);
  return width;
}

/** The text, or its beginning and `…`, in so many columns at most; it must be without colours. */
export function cutToWidth(text: string, columns: number): string {
  let width = 0;
  let end = 0;
  let fits = 0;
  for (const character of text) {
    width += widthOfCharacter(character);
    if (width > columns) return columns < 1 ? "" : `${text.slice(0, fits)}…`;
    end += character.length;
    // What fits when there must still be room for the ellipsis.
    if (width < columns) fits = end;
  }
  return text;
}
