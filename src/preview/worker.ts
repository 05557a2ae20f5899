// The thread behind the preview of crops (src/extension/crops starts it).
import { spread, type CallsOf } from '../rpc';
import { serveThread } from '../rpc/threads';
import { CropPreviewer } from './preview';

const previewer = new CropPreviewer();
const methods = {
  preview: previewer.preview.bind(previewer),
  slice: previewer.slice.bind(previewer),
  crop: previewer.crop.bind(previewer),
  body: previewer.body.bind(previewer),
  scene: previewer.scene.bind(previewer),
  step: previewer.step.bind(previewer),
  question: previewer.question.bind(previewer),
};

serveThread<CallsOf<typeof methods>>(spread(methods));
