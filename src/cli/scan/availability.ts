/** Whether fixes can be had, as far as the flags let the repositories be asked. */
import type { AskAvailability, ScanSubject } from "../../scan/index.ts";
import type { Session } from "../session.ts";

export async function availabilityOf(
  subject: ScanSubject,
  { index }: { readonly index: boolean },
  { access }: Session,
): Promise<AskAvailability> {
  const { repositoryAvailability, unknownAvailability } = await import("../../scan/index.ts");
  if (!index) return unknownAvailability("--no-index");
  const { builtInKeys } = await import("../../apk/index.ts");
  return repositoryAvailability(subject, { keys: builtInKeys() }, access);
}
