import { useEffect, useState } from "preact/hooks";

export type Theme = "system" | "light" | "dark";

const key = "gossipd-theme";

/** The reader's choice, kept by the browser if it keeps anything. */
export function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState<Theme>(readTheme);
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(key, theme);
    } catch {
      // It is a choice for this visit then.
    }
  }, [theme]);
  return [theme, () => setTheme(after(theme))];
}

/** First the one that is not shown now, so that every press changes something. */
function after(theme: Theme): Theme {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  if (theme === "system") return dark ? "light" : "dark";
  return (theme === "dark") === dark ? "system" : dark ? "dark" : "light";
}

function readTheme(): Theme {
  try {
    const kept = localStorage.getItem(key);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}
