import type { RunContents } from './seriesStore';
import type { SeriesAnswer, SeriesRequest } from '../../protocol/curves';

/** What the extension host asks the thread that holds the series. */
export type SeriesQuestion =
  | { readonly id: number; readonly ask: 'describe'; readonly run: string }
  | { readonly id: number; readonly ask: 'query'; readonly request: SeriesRequest };

export type SeriesReply =
  | { readonly id: number; readonly ok: true; readonly value: RunContents | SeriesAnswer }
  | { readonly id: number; readonly ok: false; readonly message: string };
