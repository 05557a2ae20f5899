/** Work that is asked for more often than it is done. */
export interface Delayed {
  (): void;
  /** Drops what is waiting. */
  dispose(): void;
}

/** Does the work `ms` milliseconds after it was asked for; asked for again until then, still once. */
export function atMostEvery(ms: number, work: () => void): Delayed {
  let timer: NodeJS.Timeout | undefined;
  const ask = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      work();
    }, ms);
  };
  return Object.assign(ask, { dispose: () => clearTimeout(timer) });
}

/** Does the work when it has not been asked for again for `ms` milliseconds. */
export function whenQuiet(ms: number, work: () => void): Delayed {
  let timer: NodeJS.Timeout | undefined;
  const ask = (): void => {
    clearTimeout(timer);
    timer = setTimeout(work, ms);
  };
  return Object.assign(ask, { dispose: () => clearTimeout(timer) });
}
