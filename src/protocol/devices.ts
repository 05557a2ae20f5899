/** A device as `voco devices --json` prints it, as far as the editor shows it. */
export interface ListedDevice {
  readonly name: string;
  readonly usable: boolean;
  readonly description?: string | undefined;
  readonly reason?: string | undefined;
  readonly memoryBytes?: number | undefined;
}
