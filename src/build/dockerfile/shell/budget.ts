/**
 * Budgets: how much work reading a script may take. A Dockerfile comes from outside, and a loop or a
 * pattern in it can be made to go on for ever; where a budget is used up, the answer is "not known".
 */

export class Budget {
  #left: number;

  constructor(steps: number) {
    this.#left = steps;
  }

  /** Uses up steps; false when there were none left. */
  spend(steps = 1): boolean {
    if (this.#left <= 0) return false;
    this.#left -= steps;
    return true;
  }

  get isSpent(): boolean {
    return this.#left <= 0;
  }
}
