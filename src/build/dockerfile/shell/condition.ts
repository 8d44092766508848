/** Conditions: `test`, `[ … ]` and `[[ … ]]`, answered as far as their words are known. */
import { expandPattern, expandText } from "./expand.ts";
import { readFile } from "./files.ts";
import { matchesPattern, readPattern } from "./pattern.ts";
import { findMatch, tryParseRegularExpression } from "./regular-expression.ts";
import { type Scope } from "./scope.ts";
import { type Call, type Handler, type Shell } from "./shell.ts";
import { answer, unanswered, type Status } from "./status.ts";
import { type NodeOf } from "./syntax.ts";
import { known, nothing, originsOf, unite, type Value } from "./value.ts";

/** Undefined: not known. */
type Truth = boolean | undefined;

function not(truth: Truth): Truth {
  return truth === undefined ? undefined : !truth;
}

function both(one: Truth, other: Truth): Truth {
  if (one === false || other === false) return false;
  return one === undefined || other === undefined ? undefined : true;
}

function either(one: Truth, other: Truth): Truth {
  return not(both(not(one), not(other)));
}

function statusOf(truth: Truth, text: string, from: ReadonlySet<string>): Status {
  return truth === undefined ? unanswered(text, from) : answer(truth, text, from);
}

const test: Handler = (call, scope, shell) => {
  const { args, place } = call;
  const from = originsOf(args);
  if (args.some(({ isList }) => isList === true)) return unanswered(place.text, from);
  const reader = new TestReader(args, scope, shell);
  return statusOf(reader.read(), place.text, from);
};

export const conditionHandlers: Readonly<Record<string, Handler>> = {
  test,
  "[": (call: Call, ...rest) => test({ ...call, args: call.args.slice(0, -1) }, ...rest),
};

/** Reads the words of `test`: with few words POSIX's rules, with more of them the usual precedence. */
class TestReader {
  readonly #args: readonly Value[];
  readonly #scope: Scope;
  readonly #shell: Shell;
  #at = 0;

  constructor(args: readonly Value[], scope: Scope, shell: Shell) {
    this.#args = args;
    this.#scope = scope;
    this.#shell = shell;
  }

  read(): Truth {
    if (this.#args.length === 0) return false;
    const truth = this.#or();
    return this.#at === this.#args.length ? truth : undefined;
  }

  #take(word: string): boolean {
    if (this.#args[this.#at]?.text !== word) return false;
    this.#at++;
    return true;
  }

  #or(): Truth {
    let truth = this.#and();
    while (this.#take("-o")) truth = either(truth, this.#and());
    return truth;
  }

  #and(): Truth {
    let truth = this.#primary();
    while (this.#take("-a")) truth = both(truth, this.#primary());
    return truth;
  }

  #primary(): Truth {
    const [first, operator, second] = this.#args.slice(this.#at, this.#at + 3);
    if (first === undefined) return undefined;
    if (second !== undefined && operator?.text !== undefined && isBinary(operator.text)) {
      this.#at += 3;
      return compare(first, operator.text, second);
    }
    if (first.text === "!" && operator !== undefined) {
      this.#at++;
      return not(this.#primary());
    }
    if (first.text === "(" && operator !== undefined) {
      this.#at++;
      const truth = this.#or();
      return this.#take(")") ? truth : undefined;
    }
    if (operator !== undefined && /^-[a-zA-Z]$/.test(first.text ?? "")) {
      this.#at += 2;
      return examine(first.text!, operator, this.#scope, this.#shell);
    }
    this.#at++;
    return first.text === undefined ? undefined : first.text !== "";
  }
}

function isBinary(word: string): boolean {
  return /^(?:=|==|!=|<|>|-(?:eq|ne|lt|le|gt|ge|nt|ot|ef))$/.test(word);
}

function compare(one: Value, operator: string, other: Value): Truth {
  if (one.text === undefined || other.text === undefined) return undefined;
  switch (operator) {
    case "=":
    case "==":
      return one.text === other.text;
    case "!=":
      return one.text !== other.text;
  }
  const [left, right] = [one.text, other.text].map((text) =>
    /^\s*[+-]?\d{1,15}\s*$/.test(text) ? Number(text) : undefined,
  );
  if (left === undefined || right === undefined) return undefined;
  switch (operator) {
    case "-eq":
      return left === right;
    case "-ne":
      return left !== right;
    case "-lt":
      return left < right;
    case "-le":
      return left <= right;
    case "-gt":
      return left > right;
    case "-ge":
      return left >= right;
  }
  return undefined;
}

function examine(operator: string, operand: Value, scope: Scope, shell: Shell): Truth {
  if (operator === "-n" || operator === "-z")
    return operand.text === undefined ? undefined : (operand.text === "") === (operator === "-z");
  if (!"-e-f-r-s".includes(operator)) return undefined;
  // That a file is not there cannot be known: programs write files without saying so.
  const content = readFile(operand, scope, shell).text;
  if (content === undefined) return undefined;
  return operator === "-s" ? content !== "" : true;
}

/** `[[ … ]]`. */
export function readCondition(
  expression: NodeOf<"TestCommand">["expression"],
  scope: Scope,
  shell: Shell,
  text: string,
): Status {
  const { truth, from } = evaluate(expression, scope, shell);
  return statusOf(truth, text, from);
}

interface Evaluated {
  readonly truth: Truth;
  readonly from: ReadonlySet<string>;
}

function evaluate(
  expression: NodeOf<"TestCommand">["expression"],
  scope: Scope,
  shell: Shell,
): Evaluated {
  switch (expression.type) {
    case "TestGroup":
      return evaluate(expression.expression, scope, shell);
    case "TestNot": {
      const { truth, from } = evaluate(expression.operand, scope, shell);
      return { truth: expression.negations.length % 2 === 1 ? not(truth) : truth, from };
    }
    case "TestLogical": {
      const parts = expression.operands.map((operand) => evaluate(operand, scope, shell));
      const join = expression.operator === "&&" ? both : either;
      const from = unite(...parts.map((part) => part.from));
      return { truth: parts.map(({ truth }) => truth).reduce(join), from };
    }
    case "TestUnary": {
      const operand = expandText(expression.operand, scope, shell);
      const truth = examine(expression.operator, operand, scope, shell);
      return { truth, from: operand.from };
    }
    case "TestBinary":
      return evaluateBinary(expression, scope, shell);
  }
}

function evaluateBinary(
  { operator, left, right }: NodeOf<"TestBinary">,
  scope: Scope,
  shell: Shell,
): Evaluated {
  const one = expandText(left, scope, shell);
  const { pieces, value } = expandPattern(right, scope, shell);
  const from = originsOf([one, value]);
  if (one.text === undefined || pieces === undefined) return { truth: undefined, from };
  if (operator === "=~") {
    // What is quoted stands for itself there; such an expression is left alone.
    const expression = /["'\\]/.test(right.text)
      ? undefined
      : tryParseRegularExpression(value.text!, { extended: true });
    if (expression === undefined) return { truth: undefined, from };
    const found = findMatch(expression, one.text, 0, shell.matching);
    return { truth: shell.matching.isSpent ? undefined : found !== undefined, from };
  }
  if (operator === "=" || operator === "==" || operator === "!=") {
    const matches = matchesPattern(readPattern(pieces), one.text, shell.matching);
    return { truth: shell.matching.isSpent ? undefined : matches === (operator !== "!="), from };
  }
  return { truth: compare(one, operator, known(value.text!, nothing)), from };
}
