import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** The browser's time, anew every `every` milliseconds: for what says how long ago something was. */
export function useNow(every = 1_000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The room that an element has; zero until it was measured. */
export function useSize<Kind extends HTMLElement>(): [RefObject<Kind | null>, Size] {
  const place = useRef<Kind | null>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  return [place, size];
}
