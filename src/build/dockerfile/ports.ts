/** Ports: what EXPOSE takes, `[IP:][HOST:]PORT[-PORT][/PROTOCOL]`, of which the image keeps port and protocol. */

const portForm = /^(?:.*:)?([^:/]*)(?:\/([^:]*))?$/s;
const rangeForm = /^(\d{1,5})(?:-(\d{1,5}))?$/;
const protocols: ReadonlySet<string> = new Set(["tcp", "udp", "sctp"]);

/** `PORT/PROTOCOL` for each port of a range; a string says what is wrong. */
export function readPorts(text: string): readonly string[] | string {
  const match = portForm.exec(text);
  const protocol = match?.[2] === undefined || match[2] === "" ? "tcp" : match[2].toLowerCase();
  if (match !== null && !protocols.has(protocol))
    return `expected the protocol tcp, udp or sctp, found ${JSON.stringify(match[2])}`;
  const range = rangeForm.exec(match?.[1] ?? "");
  if (range === null) return `expected PORT[-PORT][/PROTOCOL], found ${JSON.stringify(text)}`;
  const first = Number(range[1]);
  const last = Number(range[2] ?? range[1]);
  if (first > 65535 || last > 65535)
    return `expected a port up to 65535, found ${JSON.stringify(text)}`;
  if (last < first) return `the range ends before it begins: ${JSON.stringify(text)}`;
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
}
