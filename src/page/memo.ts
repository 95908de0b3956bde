import { Component, type ComponentChild, type FunctionComponent } from "preact";

/** A component that is drawn anew only if one of its properties is another one than before. */
export function memo<Props extends object>(
  draw: (props: Props) => ComponentChild,
): FunctionComponent<Props> {
  class Remembered extends Component<Props> {
    override shouldComponentUpdate(next: Readonly<Props>): boolean {
      return differs(this.props, next);
    }

    render(props: Props): ComponentChild {
      return draw(props);
    }
  }
  return Remembered as unknown as FunctionComponent<Props>;
}

function differs<Props extends object>(one: Props, other: Props): boolean {
  const keys = Object.keys(other) as (keyof Props)[];
  return keys.length !== Object.keys(one).length || keys.some((key) => one[key] !== other[key]);
}
