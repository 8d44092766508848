/** Justifications: the words of CycloneDX for those of VEX, and back. */
import { vexJustifications, type VexJustification } from "./statement.ts";

export function knownJustification(label: string | undefined): VexJustification | undefined {
  return vexJustifications.find((each) => each === label);
}

/** CycloneDX tells more cases apart; what it means exactly goes into the text of a statement. */
const ofCycloneDx: Readonly<Record<string, VexJustification>> = {
  code_not_present: "vulnerable_code_not_present",
  code_not_reachable: "vulnerable_code_not_in_execute_path",
  requires_configuration: "vulnerable_code_not_in_execute_path",
  requires_dependency: "component_not_present",
  requires_environment: "vulnerable_code_cannot_be_controlled_by_adversary",
  protected_by_compiler: "inline_mitigations_already_exist",
  protected_at_runtime: "inline_mitigations_already_exist",
  protected_at_perimeter: "inline_mitigations_already_exist",
  protected_by_mitigating_control: "inline_mitigations_already_exist",
};

export function justificationOfCycloneDx(label: string): VexJustification | undefined {
  return Object.hasOwn(ofCycloneDx, label) ? ofCycloneDx[label] : undefined;
}

const toCycloneDx: Readonly<Record<VexJustification, string>> = {
  component_not_present: "code_not_present",
  vulnerable_code_not_present: "code_not_present",
  vulnerable_code_not_in_execute_path: "code_not_reachable",
  vulnerable_code_cannot_be_controlled_by_adversary: "requires_environment",
  inline_mitigations_already_exist: "protected_by_mitigating_control",
};

export function justificationForCycloneDx(justification: VexJustification): string {
  return toCycloneDx[justification];
}
