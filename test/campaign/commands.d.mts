export interface Scenario {
  readonly name: string;
  /** The command of `voco`, where it is not the name. */
  readonly command?: string;
}

export const scenarios: readonly Scenario[];
/** Commands without a part in the campaign, and why. */
export const exceptions: Readonly<Record<string, string>>;
export function commandOf(scenario: Scenario): string;
