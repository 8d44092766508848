/**
 * Instructions as typed values. Words are as they were written: variables are not expanded, and quotes
 * that expansion takes away are still there.
 */
import {
  type Assignment,
  type Declaration,
  type Heredoc,
  type InstructionName,
  type InstructionNode,
  type Word,
} from "./syntax.ts";

export type Instruction =
  | AddInstruction
  | ArgInstruction
  | CommandInstruction
  | CopyInstruction
  | AssignmentInstruction
  | ExposeInstruction
  | FromInstruction
  | HealthcheckInstruction
  | TextInstruction
  | OnbuildInstruction
  | RunInstruction
  | ShellInstruction
  | VolumeInstruction;

interface InstructionOf<Name extends InstructionName> {
  readonly name: Name;
  /** Where it stands, and how it was written. */
  readonly node: InstructionNode;
}

/** `FROM [--platform=PLATFORM] IMAGE [AS NAME]`: begins a stage. */
export interface FromInstruction extends InstructionOf<"FROM"> {
  readonly image: Word;
  /** In lower case, as it is compared. */
  readonly stageName: Word | undefined;
  readonly platform: Word | undefined;
}

/** What to run: words as they are, or a text for the shell. */
export type Command =
  | { readonly form: "exec"; readonly words: readonly Word[] }
  /** Undefined where there is nothing after the keyword. */
  | { readonly form: "shell"; readonly script: Word | undefined };

export interface RunInstruction extends InstructionOf<"RUN"> {
  readonly command: Command;
  readonly heredocs: readonly Heredoc[];
  /** The values of `--mount`; `parseMount` reads them once their variables are expanded. */
  readonly mounts: readonly Word[];
  readonly network: "default" | "none" | "host";
  readonly security: "sandbox" | "insecure";
  /** The values of `--device`. */
  readonly devices: readonly Word[];
}

export interface CommandInstruction extends InstructionOf<"CMD" | "ENTRYPOINT"> {
  readonly command: Command;
}

/** A path, a URL or a pattern; or a file that stands in the Dockerfile. */
export type CopySource =
  | { readonly kind: "path"; readonly word: Word }
  | { readonly kind: "heredoc"; readonly word: Word; readonly heredoc: Heredoc };

/** What COPY and ADD have in common. */
export interface Transfer {
  readonly sources: readonly CopySource[];
  readonly destination: Word;
  readonly chown: Word | undefined;
  readonly chmod: Word | undefined;
  readonly link: boolean;
  /** Patterns of what is left out; never expanded. */
  readonly excludes: readonly Word[];
}

export interface CopyInstruction extends InstructionOf<"COPY">, Transfer {
  /** A stage's name or number, an image or a named context; never expanded. */
  readonly from: Word | undefined;
  readonly parents: boolean;
}

export interface AddInstruction extends InstructionOf<"ADD">, Transfer {
  readonly checksum: Word | undefined;
  readonly keepGitDirectory: boolean;
  /** Undefined where the kind of the source decides. */
  readonly unpack: boolean | undefined;
}

export interface AssignmentInstruction extends InstructionOf<"ENV" | "LABEL"> {
  readonly assignments: readonly Assignment[];
}

export interface ArgInstruction extends InstructionOf<"ARG"> {
  readonly declarations: readonly Declaration[];
}

export interface ExposeInstruction extends InstructionOf<"EXPOSE"> {
  readonly ports: readonly Word[];
}

/** Instructions whose argument is the rest of the line. */
export interface TextInstruction extends InstructionOf<
  "MAINTAINER" | "STOPSIGNAL" | "USER" | "WORKDIR"
> {
  readonly text: Word;
}

export interface VolumeInstruction extends InstructionOf<"VOLUME"> {
  readonly paths: readonly Word[];
}

export interface ShellInstruction extends InstructionOf<"SHELL"> {
  readonly words: readonly Word[];
}

export interface HealthcheckInstruction extends InstructionOf<"HEALTHCHECK"> {
  /** Undefined for `NONE`, which switches an inherited check off. */
  readonly check: HealthcheckSettings | undefined;
}

/** Durations are in nanoseconds; 0 leaves the choice to the runtime. */
export interface HealthcheckSettings {
  readonly command: Command;
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  readonly retries: number;
}

export interface OnbuildInstruction extends InstructionOf<"ONBUILD"> {
  readonly trigger: Instruction;
  /** What an image keeps of it: the trigger on one line, and its heredocs. */
  readonly expression: string;
}
