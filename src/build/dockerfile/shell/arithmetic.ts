/** Arithmetic: `$((…))`, in whole numbers (POSIX.1-2024, XCU 2.6.4). Assignments in it are left unread. */
import { type Scope } from "./scope.ts";
import { type NodeOf, type WordPart } from "./syntax.ts";
import { known, nothing, unite, unknown, type Value } from "./value.ts";
import { readParameter } from "./variable.ts";

type Expression = NonNullable<NodeOf<"ArithmeticExpansion">["expression"]>;

interface Result {
  /** Undefined where it is not known, or more than is read here. */
  readonly number: bigint | undefined;
  readonly from: ReadonlySet<string>;
}

/** The result of an expression; `text` names it where it is not known. */
export function evaluateArithmetic(
  expression: Expression | undefined,
  text: string,
  scope: Scope,
  expand: (parts: readonly WordPart[]) => Value,
): Value {
  const { number, from } =
    expression === undefined ? { number: 0n, from: nothing } : evaluate(expression);
  return number === undefined
    ? unknown(`the result of ${text}`, from)
    : known(String(number), from);

  function evaluate(node: Expression): Result {
    switch (node.type) {
      case "ArithmeticGroup":
        return evaluate(node.expression);
      case "ArithmeticWord":
        return evaluateWord(node);
      case "ArithmeticUnary": {
        const { number: operand, from: used } = evaluate(node.operand);
        return {
          number: operand === undefined ? undefined : change(node.operator, operand),
          from: used,
        };
      }
      case "ArithmeticBinary": {
        const [left, right] = [evaluate(node.left), evaluate(node.right)];
        const used = unite(left.from, right.from);
        if (left.number === undefined || right.number === undefined)
          return { number: undefined, from: used };
        return { number: combine(node.operator, left.number, right.number), from: used };
      }
      case "ArithmeticTernary": {
        const test = evaluate(node.test);
        if (test.number === undefined) return test;
        const chosen = evaluate(test.number === 0n ? node.alternate : node.consequent);
        return { ...chosen, from: unite(test.from, chosen.from) };
      }
      case "ArithmeticCommandExpansion":
        return { number: undefined, from: nothing };
    }
  }

  function evaluateWord({ value, parts }: NodeOf<"ArithmeticWord">): Result {
    const content =
      parts !== undefined
        ? expand(parts)
        : /^[A-Za-z_]\w*$/.test(value)
          ? readParameter(scope, value).value
          : known(value);
    return {
      number: content.text === undefined ? undefined : parse(content.text),
      from: content.from,
    };
  }
}

/** An empty text is 0; a leading 0 would make it octal. */
function parse(text: string): bigint | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return 0n;
  return /^[+-]?(?:0|[1-9]\d{0,17})$/.test(trimmed) ? BigInt(trimmed) : undefined;
}

function change(operator: string, operand: bigint): bigint | undefined {
  switch (operator) {
    case "-":
      return -operand;
    case "+":
      return operand;
    case "!":
      return operand === 0n ? 1n : 0n;
    default:
      return undefined;
  }
}

function combine(operator: string, left: bigint, right: bigint): bigint | undefined {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return BigInt.asIntN(64, left * right);
    case "/":
      return right === 0n ? undefined : left / right;
    case "%":
      return right === 0n ? undefined : left % right;
    case "<":
      return truth(left < right);
    case "<=":
      return truth(left <= right);
    case ">":
      return truth(left > right);
    case ">=":
      return truth(left >= right);
    case "==":
      return truth(left === right);
    case "!=":
      return truth(left !== right);
    case "&&":
      return truth(left !== 0n && right !== 0n);
    case "||":
      return truth(left !== 0n || right !== 0n);
    default:
      return undefined;
  }
}

function truth(holds: boolean): bigint {
  return holds ? 1n : 0n;
}
