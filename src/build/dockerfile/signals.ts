/** Signals: what STOPSIGNAL takes, a number or a name of Linux's, with or without SIG. */
import { nearestName } from "../../base/index.ts";

const names = (
  "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP " +
  "SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX"
).split(" ");
const known: ReadonlySet<string> = new Set(names);
const realTime = /^RTM(?:IN\+(?:[1-9]|1[0-5])|AX-(?:[1-9]|1[0-4]))$/;

/** What is wrong with the name of a signal; undefined where nothing is. */
export function faultOfSignal(text: string): string | undefined {
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return undefined;
  const name = text.toUpperCase().replace(/^SIG/, "");
  if (known.has(name) || realTime.test(name)) return undefined;
  const near = nearestName(name, names);
  const meant = near === undefined ? "" : `; did you mean SIG${near}?`;
  return `expected a signal, found ${JSON.stringify(text)}${meant}`;
}
