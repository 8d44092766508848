/** Markup: pieces of HTML in which words from outside are text, wherever they stand. */
import { cutText, shownName } from "../shown-text.ts";

/** HTML that was made here, which text is not. */
export interface Markup {
  readonly html: string;
}

/** Words from outside may be as long as they like. */
const longestText = 2000;

/** A template whose values are text, markup, or lists of markup; only the template itself is HTML. */
export function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Markup | readonly Markup[])[]
): Markup {
  return {
    html: parts.map((part, at) => (at === 0 ? part : `${toHtml(values[at - 1]!)}${part}`)).join(""),
  };
}

export const nothing: Markup = { html: "" };

/** Markup where there is a reason for it. */
export function when(condition: boolean, markup: () => Markup): Markup {
  return condition ? markup() : nothing;
}

function toHtml(value: string | number | Markup | readonly Markup[]): string {
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return escapeHtml(value);
  return isList(value) ? value.map((each) => each.html).join("") : value.html;
}

function isList(value: Markup | readonly Markup[]): value is readonly Markup[] {
  return Array.isArray(value);
}

function escapeHtml(text: string): string {
  return shownName(cutText(text, longestText)).replaceAll(
    /[&<>"'`]/g,
    (character) => `&#${character.charCodeAt(0)};`,
  );
}
