import { closest } from '../errors/closest';
import { UserError } from '../errors/userError';

/**
 * Things of one kind by name: networks, pretext tasks, downstream tasks, objectives. The entries of this program come from a
 * table that the compiler checks for completeness; {@link register} is what puts them in, and what a test puts its own in with.
 */
export class Registry<Entry> {
  private readonly entries = new Map<string, Entry>();
  private changes = 0;

  /**
   * @param what the kind of thing, for errors: "network"
   * @param own the entries of this program by name
   */
  constructor(
    private readonly what: string,
    own: Readonly<Record<string, Entry>>,
  ) {
    for (const [name, entry] of Object.entries(own)) this.register(name, entry);
  }

  /** Adds an entry. @returns what takes it out again @throws Error where the name is taken */
  register(name: string, entry: Entry): () => void {
    if (this.entries.has(name)) throw new Error(`there is a ${this.what} "${name}" already`);
    this.entries.set(name, entry);
    this.changes += 1;
    return () => {
      this.entries.delete(name);
      this.changes += 1;
    };
  }

  /** Another number after every change: for what is made from the entries and kept. */
  get revision(): number {
    return this.changes;
  }

  /** @throws UserError naming those that there are */
  get(name: string): Entry {
    const entry = this.entries.get(name);
    if (entry !== undefined) return entry;
    const guess = closest(name, this.names);
    const hint = guess === undefined ? `there are ${this.names.join(', ')}` : `did you mean "${guess}"?`;
    throw new UserError(`there is no ${this.what} "${name}"; ${hint}`);
  }

  /** All names, ours in the order of the table. */
  get names(): readonly string[] {
    return [...this.entries.keys()];
  }

  get all(): readonly Entry[] {
    return [...this.entries.values()];
  }
}
