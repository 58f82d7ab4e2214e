import { createHash } from 'node:crypto';

/** The page's style. Colours keep apart for colour-blind eyes (Okabe and Ito's set) and are never the only sign. */
export const style = `
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fdfdfd; --line: #c9c9c9; --soft: #f1f1f1; --link: #0a4f9e;
  --reproducible: #00805c; --unreproducible: #b35c00; --failure: #b3261e; --retry: #8e4585; --running: #0a6fb0; --pending: #6b6b6b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececec; --paper: #141414; --line: #4a4a4a; --soft: #222222; --link: #8fc2ff;
    --reproducible: #35c49a; --unreproducible: #f0a63c; --failure: #ff8a80; --retry: #d79bd0; --running: #62b8f0; --pending: #a8a8a8; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 75rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { position: static; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; } h3 { font-size: 1.05rem; }
figure { margin: 1rem 0; }
svg { display: block; width: 100%; height: 1.75rem; }
table { border-collapse: collapse; }
table.builds { width: 100%; }
caption { text-align: left; font-weight: 600; padding: .5rem 0; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { background: var(--soft); }
.counts td { text-align: right; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
.hash { font-family: ui-monospace, monospace; font-size: .8rem; overflow-wrap: anywhere; }
.swatch { display: inline-block; width: .8em; height: .8em; margin-right: .5em; }
.fill.reproducible { fill: var(--reproducible); } .swatch.reproducible { background: var(--reproducible); }
.fill.unreproducible { fill: var(--unreproducible); } .swatch.unreproducible { background: var(--unreproducible); }
.fill.failure { fill: var(--failure); } .swatch.failure { background: var(--failure); }
.fill.retry { fill: var(--retry); } .swatch.retry { background: var(--retry); }
.fill.running { fill: var(--running); } .swatch.running { background: var(--running); }
.fill.pending { fill: var(--pending); } .swatch.pending { background: var(--pending); }
`;

/** Lets nothing but this style take effect: should an escape ever fail, still no script runs. */
export const contentSecurityPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256')
  .update(style)
  .digest('base64')}'; base-uri 'none'; form-action 'none'`;
