import { Buffer } from 'node:buffer';
import type { Readable, Writable } from 'node:stream';
import type { PretrainConfig } from '../config';
import type { Vec3 } from '../geometry';
import { Locator } from '../locate';
import { cropPicture } from '../preview/images';
import type { AnswerCalls, AnswerView, CropAnswer, CropQuestion } from '../protocol/answers';
import { mapPixels } from '../protocol/pixels';
import type { LocateCalls } from '../protocol/locate';
import type { Methods } from '../rpc';
import { serveLines } from '../rpc/lines';
import type { AnswerPart } from '../tasks';
import { useDevice } from '../tensor/backends';
import { Answerer } from './answerer';

type Calls = LocateCalls<PretrainConfig> & AnswerCalls<PretrainConfig>;

/** An answer as it is sent: images as pictures, in base64. */
function viewOf(part: AnswerPart, size: Vec3, range: readonly [number, number]): AnswerView<string> {
  if (part.kind !== 'image') return part;
  const { kind, image, scores } = part;
  const picture = mapPixels(cropPicture(image, size, range), (grey) => Buffer.from(grey).toString('base64'));
  return { kind, picture, scores };
}

/** Serves networks' answers to another program by lines of JSON ({@link LocateCalls}, {@link AnswerCalls}), until `input` ends. */
export async function serveAnswers(device: string, input: Readable, output: Writable): Promise<void> {
  const [locator, answerer] = [new Locator(), new Answerer()];
  let ready: Promise<unknown> | undefined;
  const onDevice = async <T>(work: () => Promise<T>): Promise<T> => {
    await (ready ??= useDevice(device, {}));
    return work();
  };
  const answer = async (question: CropQuestion<PretrainConfig>, signal: AbortSignal): Promise<CropAnswer<string>> => {
    const { parts, size, step } = await answerer.answer(question, signal);
    return { parts: parts.map((part) => viewOf(part, size, question.range)), step };
  };
  const methods: Methods<Calls> = {
    locate: (request, context) => onDevice(() => locator.locate(request, context)),
    predict: (request, context) => onDevice(() => locator.predict(request, context)),
    answer: (question, { signal }) => onDevice(() => answer(question, signal)),
  };
  await serveLines<Calls>(methods, input, output);
}
