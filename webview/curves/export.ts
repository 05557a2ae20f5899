import type { Theme } from '../ui/theme';
import type { Chart } from './chart';
import { styleOf } from './lines';
import { chartSvg, SVG_CHART, SVG_DEFINITIONS } from './svg';

const PADDING = 16;
const TITLE_HEIGHT = 22;
const LEGEND_HEIGHT = 22;

function drawLegend(context: CanvasRenderingContext2D, chart: Chart, theme: Theme, x: number, y: number): void {
  let at = x;
  for (const line of chart.picture?.content.lines ?? []) {
    context.fillStyle = styleOf(line, theme.kind).colour;
    context.fillRect(at, y - 8, 12, 3);
    context.fillStyle = theme.foreground;
    context.fillText(line.label, at + 18, y);
    at += 34 + context.measureText(line.label).width;
  }
}

/** All charts below one another, as they are on the screen, in a PNG file. */
export async function chartsAsPng(charts: readonly Chart[], theme: Theme): Promise<Uint8Array> {
  const pictures = charts.flatMap((chart) => (chart.picture ? [{ chart, source: chart.picture.canvas }] : []));
  const scale = devicePixelRatio;
  const width = Math.max(...pictures.map(({ source }) => source.width / scale), 200) + 2 * PADDING;
  const heights = pictures.map(({ source }) => source.height / scale + TITLE_HEIGHT + LEGEND_HEIGHT + PADDING);
  const canvas = document.createElement('canvas');
  canvas.width = width * scale;
  canvas.height = (heights.reduce((sum, height) => sum + height, 0) + PADDING) * scale;
  const context = canvas.getContext('2d')!;
  context.scale(scale, scale);
  context.fillStyle = theme.background;
  context.fillRect(0, 0, canvas.width, canvas.height);
  let top = PADDING;
  pictures.forEach(({ chart, source }, index) => {
    context.font = `600 13px ${theme.fontFamily}`;
    context.fillStyle = theme.foreground;
    context.fillText(chart.description.title, PADDING, top + 13);
    context.drawImage(source, PADDING, top + TITLE_HEIGHT, source.width / scale, source.height / scale);
    context.font = `12px ${theme.fontFamily}`;
    drawLegend(context, chart, theme, PADDING, top + TITLE_HEIGHT + source.height / scale + 14);
    top += heights[index]!;
  });
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (!blob) throw new Error('the browser could not make a picture');
  return new Uint8Array(await blob.arrayBuffer());
}

/** All charts below one another as an SVG drawing on white, for papers. */
export async function chartsAsSvg(charts: readonly Chart[]): Promise<Uint8Array> {
  const contents = charts.flatMap((chart) => {
    const content = chart.picture?.content;
    return content ? [{ title: chart.description.title, unit: chart.description.unit, content }] : [];
  });
  const { width, height } = SVG_CHART;
  const body = contents
    .map((one, index) => `<g transform="translate(0 ${index * height})">${chartSvg(one)}</g>`)
    .join('\n');
  const size = `width="${width}" height="${contents.length * height}"`;
  const text =
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12">\n` +
    `<rect width="100%" height="100%" fill="white"/>\n${SVG_DEFINITIONS}\n${body}\n</svg>\n`;
  return new TextEncoder().encode(text);
}
