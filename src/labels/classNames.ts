import { closest } from '../errors/closest';

/** What is wrong with the names of classes that a case or a source says to label; undefined: nothing. */
export function unknownClass(
  labelled: readonly string[],
  classes: readonly { readonly name: string }[],
): string | undefined {
  const names = classes.map(({ name }) => name);
  const unknown = labelled.find((name) => !names.includes(name));
  if (unknown === undefined) return undefined;
  const near = closest(unknown, names);
  return `"${unknown}" is no class of the task (${names.join(', ')})${near ? `; did you mean "${near}"?` : ''}`;
}
