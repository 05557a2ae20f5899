/** Colours and motion of the editor's theme, for what is drawn on a canvas and so cannot use CSS variables itself. */
export interface Theme {
  readonly foreground: string;
  readonly muted: string;
  readonly background: string;
  readonly grid: string;
  readonly accent: string;
  readonly error: string;
  readonly warning: string;
  readonly fontFamily: string;
  readonly fontSize: number;
  readonly kind: 'light' | 'dark' | 'high-contrast' | 'high-contrast-light';
}

function kindOfTheme(): Theme['kind'] {
  const { classList } = document.body;
  if (classList.contains('vscode-high-contrast-light')) return 'high-contrast-light';
  if (classList.contains('vscode-high-contrast')) return 'high-contrast';
  return classList.contains('vscode-light') ? 'light' : 'dark';
}

/** The theme as it is now. */
export function currentTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const variable = (name: string, fallback: string): string => style.getPropertyValue(name).trim() || fallback;
  const kind = kindOfTheme();
  const highContrast = kind.startsWith('high-contrast');
  const foreground = variable('--vscode-foreground', '#808080');
  return {
    kind,
    foreground,
    muted: highContrast ? foreground : variable('--vscode-descriptionForeground', foreground),
    background: variable('--vscode-editor-background', 'transparent'),
    grid:
      kind === 'light'
        ? 'rgba(0, 0, 0, 0.10)'
        : highContrast
          ? 'rgba(128, 128, 128, 0.6)'
          : 'rgba(255, 255, 255, 0.10)',
    accent: variable('--vscode-focusBorder', '#007acc'),
    error: variable('--vscode-errorForeground', '#f14c4c'),
    warning: variable('--vscode-editorWarning-foreground', '#cca700'),
    fontFamily: variable('--vscode-font-family', 'sans-serif'),
    fontSize: Number.parseFloat(variable('--vscode-font-size', '13px')) || 13,
  };
}

/** Calls `listener` whenever the user changes the theme. */
export function onThemeChange(listener: (theme: Theme) => void): void {
  const observer = new MutationObserver(() => listener(currentTheme()));
  observer.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-id'] });
}

/** Colours that stay apart in every theme and for most colour-blind readers (after Okabe and Ito), repeated with dashes. */
const LIGHT_PALETTE = ['#0068b5', '#c44e00', '#00795a', '#a8327d', '#8a6a00', '#3f6fd1', '#5b5b5b', '#7a1f1f'];
const DARK_PALETTE = ['#4fb3ff', '#ff9d4d', '#2fd3a2', '#f08bc6', '#f0d84a', '#9ab4ff', '#c8c8c8', '#ff8080'];

export interface LineStyle {
  readonly colour: string;
  readonly dash: readonly number[];
}

const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3]];

/** The dashes of the run number `index`, where colours say something else. */
export const runDash = (index: number): readonly number[] => DASHES[Math.max(0, index) % DASHES.length]!;

/** How the line number `index` is drawn: colours first, then the same colours dashed. */
export function lineStyle(index: number, kind: Theme['kind']): LineStyle {
  const palette = kind === 'light' || kind === 'high-contrast-light' ? LIGHT_PALETTE : DARK_PALETTE;
  return {
    colour: palette[index % palette.length]!,
    dash: DASHES[Math.floor(index / palette.length) % DASHES.length]!,
  };
}

/** Whether the user asked the system for less motion. */
export function reducedMotion(): boolean {
  return (
    matchMedia('(prefers-reduced-motion: reduce)').matches || document.body.classList.contains('vscode-reduce-motion')
  );
}
