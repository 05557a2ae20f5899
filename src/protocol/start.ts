/** What `voco init --from FILE --list --json` prints: what a fine-tuning takes over of a checkpoint, and presets that fit it. */
export interface StartReport {
  /** Lines for people. */
  readonly lines: readonly string[];
  readonly presets: readonly { readonly name: string; readonly description: string }[];
}
