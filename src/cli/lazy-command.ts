/** Lazy commands: a table of commands, of which only the file of the one that is called is loaded. */
import type { Command } from "commander";

export interface LazyCommand {
  readonly name: string;
  readonly summary: string;
  /** `words` is what follows the command's name on the command line. */
  readonly load: () => Promise<{
    configure: (command: Command, words: readonly string[]) => void | Promise<void>;
  }>;
}

/**
 * Adds the commands to `parent`; `words` is the command line behind the parent's name. `habits` are
 * words for them that users bring from other tools, and what each is called here.
 */
export async function addCommands(
  parent: Command,
  commands: readonly LazyCommand[],
  words: readonly string[],
  habits: Readonly<Record<string, string>> = {},
): Promise<void> {
  const named = words.filter((word) => !word.startsWith("-"));
  const called = named[0] === "help" ? named[1] : named[0];
  const [habit] = named;
  if (habit !== undefined && Object.hasOwn(habits, habit))
    parent
      .command(habit, { hidden: true })
      .argument("[WORD...]")
      .allowUnknownOption()
      .helpOption(false)
      .action(() =>
        parent.error(
          `error: unknown command '${habit}'\n(Did you mean ${pathOf(parent)} ${habits[habit]}?)`,
        ),
      );
  for (const { name, summary, load } of commands) {
    const command = parent
      .command(name)
      .summary(summary)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`);
    command.exitOverride().showHelpAfterError(`See ${pathOf(command)} --help.`);
    if (name === called)
      await (await load()).configure(command, words.slice(words.indexOf(name) + 1));
  }
}

/** How the command is called, such as `bivy image pull`. */
function pathOf(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  return names.join(" ");
}
