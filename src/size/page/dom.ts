/**
 * The little of a browser that the report's page uses. TypeScript's own types for browsers would hold in
 * the whole project, where Image, Node and File are other things.
 */

export interface PageElement {
  textContent: string | null;
  className: string;
  id: string;
  hidden: boolean;
  value: string;
  tabIndex: number;
  readonly parentElement: PageElement | null;
  readonly clientWidth: number;
  readonly clientHeight: number;
  readonly offsetWidth: number;
  readonly offsetHeight: number;
  readonly style: { setProperty(name: string, value: string): void };
  readonly classList: { toggle(name: string, force: boolean): void };
  append(...children: readonly (PageElement | string)[]): void;
  replaceChildren(...children: readonly PageElement[]): void;
  setAttribute(name: string, value: string): void;
  addEventListener(type: string, listener: (event: PageEvent) => void): void;
  contains(other: PageElement | null): boolean;
  getBoundingClientRect(): { readonly left: number; readonly top: number; readonly bottom: number };
  focus(options?: { readonly preventScroll?: boolean }): void;
}

export interface PageEvent {
  readonly target: PageElement;
  readonly key: string;
  readonly clientX: number;
  readonly clientY: number;
  readonly altKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  preventDefault(): void;
}

export interface PageDocument {
  readonly activeElement: PageElement | null;
  createElement(name: string): PageElement;
  getElementById(id: string): PageElement | null;
  addEventListener(type: string, listener: (event: PageEvent) => void): void;
}

export interface PageWindow {
  readonly innerWidth: number;
  readonly innerHeight: number;
  addEventListener(type: string, listener: () => void): void;
}
