interface Point {
  readonly x: number;
  readonly y: number;
}

/** A bow from one place to another through the free middle; it ends before the dot that it points to. */
export function bow(from: Point, to: Point, dotRadius: number): string {
  const [middleX, middleY] = [((from.x + to.x) / 2) * 0.35, ((from.y + to.y) / 2) * 0.35];
  const end = shortOf({ x: middleX, y: middleY }, to, dotRadius + 7);
  const start = shortOf({ x: middleX, y: middleY }, from, dotRadius + 3);
  return `M${round(start.x)},${round(start.y)}Q${round(middleX)},${round(middleY)} ${round(end.x)},${round(end.y)}`;
}

function shortOf(from: Point, to: Point, by: number): Point {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const part = Math.max(0, length - by) / length;
  return { x: from.x + dx * part, y: from.y + dy * part };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
