const KEY = 'voco.runColours';
const MAX_REMEMBERED = 500;

interface Memory {
  get<T>(key: string): T | undefined;
  update(key: string, value: unknown): Thenable<void>;
}

/** Gives each run a place in the palette, the first that no other has, and remembers it. */
export class RunColours {
  constructor(private readonly memory: Memory) {}

  of(run: string): number {
    const known = this.memory.get<Record<string, number>>(KEY) ?? {};
    const index = known[run];
    if (index !== undefined) return index;
    const taken = new Set(Object.values(known));
    let free = 0;
    while (taken.has(free)) free += 1;
    const kept = Object.entries(known).slice(-(MAX_REMEMBERED - 1));
    void this.memory.update(KEY, { ...Object.fromEntries(kept), [run]: free });
    return free;
  }
}
