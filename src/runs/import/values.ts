/** A name that a pickle refers to (`os.system`, `torch.FloatStorage`): a text here, never looked up. */
export class Global {
  readonly path: string;

  constructor(
    readonly module: string,
    readonly name: string,
  ) {
    this.path = `${module}.${name}`;
  }
}

/** Stands where a pickle would make an object of a class, or call a function, that is none of a tensor's: nothing is made. */
export class Opaque {
  constructor(readonly path: string) {}
}

/** Makes a value from an allowed global and its arguments, or says `undefined` for one that is not allowed. */
export type Rebuild = (global: Global, args: readonly unknown[]) => unknown;

export interface PickleHooks {
  readonly rebuild: Rebuild;
  /** The value of a persistent id: in torch's files, a storage. */
  readonly persistent: (id: unknown) => unknown;
  /** Told of every global that is named, before anything is made of it; throws for what must end the reading. */
  readonly named: (global: Global) => void;
}
