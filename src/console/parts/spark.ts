import { html, type Html } from "../html.ts";

const WIDTH = 120;
const HEIGHT = 28;
const FLOOR = 26;
const CEILING = 3;

/** A small line of figures, oldest first; the label says the same in words. */
export function spark(figures: readonly number[], label: string): Html {
  const top = Math.max(1, ...figures);
  const step = WIDTH / Math.max(1, figures.length - 1);
  const points = figures.map(
    (figure, index) => `${(index * step).toFixed(1)} ${(FLOOR - (figure / top) * (FLOOR - CEILING)).toFixed(1)}`,
  );
  const line = `M${points.join(" ") || `0 ${FLOOR}h${WIDTH}`}`;
  return html`<svg
    class="spark"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    preserveAspectRatio="none"
    role="img"
    aria-label="${label}"
  >
    <path class="fill" d="${line} ${WIDTH} ${HEIGHT} 0 ${HEIGHT}z" />
    <path d="${line}" vector-effect="non-scaling-stroke" />
  </svg>`;
}

/** A provider's accounts as a level in a lock chamber, 0 to 1. */
export function chamber(share: number): Html {
  const surface = (60 - share * 54).toFixed(1);
  return html`<svg viewBox="0 0 60 64" preserveAspectRatio="none" aria-hidden="true">
    <path d="M1 0v63h58V0" />
    <path d="M1 18h9M1 32h14M1 46h9" />
    ${share > 0 && html`<path class="fill" d="M5 ${surface}q6-3 12.5 0t12.5 0 12.5 0 12.5 0V60H5z" stroke="none" />`}
  </svg>`;
}

/** How much of an allowance is used, 0 to 1. */
export function bar(share: number): Html {
  const width = Math.round(Math.min(1, Math.max(0, share)) * 100);
  return html`<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
    <rect width="100" height="6" />
    <rect width="${width}" height="6" />
  </svg>`;
}

/** A ring that empties from `from` to `until` (epoch ms); the page turns it. The time stands beside it in words. */
export function ring(from: number, until: number, now: number): Html {
  const share = Math.min(1, Math.max(0, (until - now) / Math.max(1, until - from)));
  return html`<svg class="ring" viewBox="0 0 24 24" aria-hidden="true" data-from="${from}" data-until="${until}">
    <circle cx="12" cy="12" r="9.5" />
    <circle
      cx="12"
      cy="12"
      r="9.5"
      pathLength="100"
      stroke-dasharray="${Math.round(share * 100)} 100"
      transform="rotate(-90 12 12)"
    />
  </svg>`;
}
