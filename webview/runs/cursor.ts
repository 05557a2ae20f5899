/** A cell of the grid: row −1 holds the titles. */
export interface CellPlace {
  readonly row: number;
  readonly column: number;
}

interface CursorOwner {
  size(): { rows: number; columns: number };
  pageRows(): number;
  moved(place: CellPlace): void;
  /** A key that does not move the cursor. @returns whether it was used. */
  act(place: CellPlace, event: KeyboardEvent): boolean;
}

/** The active cell of a grid, moved by keys as the ARIA practices for grids have it. */
export class GridCursor {
  private at: CellPlace = { row: 0, column: 2 };

  constructor(
    node: HTMLElement,
    private readonly owner: CursorOwner,
  ) {
    node.addEventListener('keydown', (event) => this.key(event));
  }

  get place(): CellPlace {
    const { rows, columns } = this.owner.size();
    return { row: Math.min(this.at.row, rows - 1), column: Math.min(this.at.column, columns - 1) };
  }

  set(place: CellPlace): void {
    const { rows, columns } = this.owner.size();
    const within = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));
    this.at = { row: within(place.row, -1, rows - 1), column: within(place.column, 0, columns - 1) };
    this.owner.moved(this.at);
  }

  private key(event: KeyboardEvent): void {
    if (this.owner.act(this.place, event)) return event.preventDefault();
    const target = event.altKey ? undefined : this.target(event);
    if (!target) return;
    event.preventDefault();
    this.set(target);
  }

  private target(event: KeyboardEvent): CellPlace | undefined {
    const { row, column } = this.place;
    const { rows, columns } = this.owner.size();
    const far = event.ctrlKey || event.metaKey;
    switch (event.key) {
      case 'ArrowUp':
        return { row: far ? -1 : row - 1, column };
      case 'ArrowDown':
        return { row: far ? rows - 1 : row + 1, column };
      case 'ArrowLeft':
        return { row, column: column - 1 };
      case 'ArrowRight':
        return { row, column: column + 1 };
      case 'PageUp':
        return { row: Math.max(0, row - this.owner.pageRows()), column };
      case 'PageDown':
        return { row: row + this.owner.pageRows(), column };
      case 'Home':
        return { row: far ? 0 : row, column: 0 };
      case 'End':
        return { row: far ? rows - 1 : row, column: columns - 1 };
      default:
        return undefined;
    }
  }
}
