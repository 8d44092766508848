/**
 * The filters of the page: which entries are shown. The page is whole without them; what stands here runs
 * in a browser, as the text of one function, so it uses nothing from outside of it.
 */

/** The little of a browser that is used; TypeScript's own types for browsers would hold in the whole project. */
export interface PageElement {
  hidden: boolean;
  open: boolean;
  value: string;
  textContent: string | null;
  readonly dataset: Readonly<Record<string, string | undefined>>;
  addEventListener(type: string, listener: (event: PageKey) => void): void;
  closest(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
  focus(): void;
}

export interface PageKey {
  readonly key: string;
  readonly altKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  preventDefault(): void;
}

export interface PageDocument {
  readonly activeElement: PageElement | null;
  getElementById(id: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
  addEventListener(type: string, listener: (event: PageKey) => void): void;
}

export function startFilters(document: PageDocument): void {
  const element = (id: string): PageElement => document.getElementById(id)!;
  const search = element("search");
  const severity = element("severity");
  const state = element("state");
  const origin = element("origin");
  const status = element("status");
  const entries = Array.from(document.querySelectorAll(".entry"), (entry) => {
    // Not the names of sites that describe it: "git" is not to find all that GitHub knows.
    let text = entry.textContent!;
    for (const link of entry.querySelectorAll(".links")) text = text.replace(link.textContent!, "");
    return {
      entry,
      group: entry.closest(".group"),
      text: text.toLowerCase(),
      states: entry.dataset["state"]!.split(" "),
    };
  });
  const groups = Array.from(document.querySelectorAll(".group"), (group) => ({
    group,
    isOpen: group.open,
    none: [...group.querySelectorAll(".none")][0],
  }));

  const apply = (): void => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const isActive =
      words.length > 0 || [severity, state, origin].some((choice) => choice.value !== "");
    const shownIn = new Map<PageElement | null, number>();
    let shown = 0;
    for (const { entry, group, text, states } of entries) {
      const isShown =
        (severity.value === "" || entry.dataset["severity"] === severity.value) &&
        (state.value === "" || states.includes(state.value)) &&
        (origin.value === "" || entry.dataset["origin"] === origin.value) &&
        words.every((word) => text.includes(word));
      entry.hidden = !isShown;
      if (!isShown) continue;
      shown += 1;
      shownIn.set(group, (shownIn.get(group) ?? 0) + 1);
    }
    for (const { group, isOpen, none } of groups) {
      const count = shownIn.get(group) ?? 0;
      if (none !== undefined) none.hidden = count > 0;
      // What matches must be seen, in parts that are folded, too.
      group.open = isActive ? count > 0 : isOpen;
    }
    status.textContent = isActive ? `${shown} of ${entries.length} shown` : "";
  };

  for (const choice of [severity, state, origin]) choice.addEventListener("change", apply);
  search.addEventListener("input", apply);
  element("reset").addEventListener("click", () => {
    for (const choice of [search, severity, state, origin]) choice.value = "";
    apply();
    search.focus();
  });
  const unfold = element("unfold");
  unfold.addEventListener("click", () => {
    const isClosed = unfold.dataset["open"] !== "true";
    for (const { entry } of entries) if (!entry.hidden) entry.open = isClosed;
    (unfold.dataset as Record<string, string>)["open"] = String(isClosed);
    unfold.textContent = isClosed ? "Fold all" : "Unfold all";
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.activeElement === search) {
      search.value = "";
      apply();
    }
    const isFree = document.activeElement?.closest("input, select") === null;
    if (event.key !== "/" || !isFree || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    search.focus();
  });
  element("filters").hidden = false;
  // A browser may have kept what was chosen before the page was loaded again.
  apply();
}
