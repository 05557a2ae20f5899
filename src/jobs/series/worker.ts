import { parentPort } from 'node:worker_threads';
import { SeriesStore } from './seriesStore';
import type { SeriesQuestion, SeriesReply } from './seriesProtocol';

/** Thread that reads and thins metrics, so that a quarter of a million lines never hold up the extension host. */
const store = new SeriesStore();

async function reply(question: SeriesQuestion): Promise<SeriesReply> {
  try {
    const value =
      question.ask === 'describe' ? await store.describe(question.run) : await store.query(question.request);
    return { id: question.id, ok: true, value };
  } catch (error) {
    return { id: question.id, ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on('message', (question: SeriesQuestion) => {
  void reply(question).then((answer) => parentPort?.postMessage(answer));
});
