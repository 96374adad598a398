// The three large pages of the comparison: documentation, a table of 2,000 rows, a shop of web components.

const WORDS =
  "the value of a module object is returned when called with an optional argument that must be iterable or raises exception if not found in path while reading bytes from stream and default encoding changed since version new parameter accepts".split(
    " ",
  );

/** The same text in every run: mulberry32. */
function dice(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

const page = (title: string, style: string, body: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title><style>${style}</style><!--head--></head><body>${body}</body></html>`;

/** About 35,000 nodes in the shape of a Sphinx page: definition lists, code spans, permalinks, notes. */
export function documentation(): string {
  const random = dice(7);
  const word = (): string => WORDS[random(WORDS.length)] ?? "";
  const words = (n: number): string => Array.from({ length: n }, word).join(" ");
  const code = (): string =>
    `<code class="docutils literal notranslate"><span class="pre">${word()}_${word()}</span></code>`;
  const entry = (section: number, n: number): string => {
    const id = `module${section}.${word()}_${n}`;
    return `<dl class="py function"><dt class="sig sig-object py" id="${id}"><span class="sig-prename descclassname"><span class="pre">module${section}.</span></span><span class="sig-name descname"><span class="pre">${word()}_${n}</span></span><span class="sig-paren">(</span><em class="sig-param"><span class="n"><span class="pre">${word()}</span></span></em>, <em class="sig-param"><span class="n"><span class="pre">${word()}</span></span><span class="o"><span class="pre">=</span></span><span class="default_value"><span class="pre">None</span></span></em><span class="sig-paren">)</span><a class="headerlink" href="#${id}" title="Link to this definition">¶</a></dt>
<dd><p>${words(14)} ${code()} ${words(9)} <a class="reference internal" href="#module${section}" title="${word()}">${code()}</a> ${words(8)}.</p>
<div class="versionchanged"><p><span class="versionmodified changed">Changed in version 3.${n % 12}: </span>${words(7)} ${code()}.</p></div></dd></dl>`;
  };
  const sections = Array.from({ length: 62 }, (_, section) => {
    const entries = Array.from({ length: 9 }, (_, n) => entry(section, n)).join("\n");
    const listing = Array.from(
      { length: 9 },
      () =>
        `<span class="gp">&gt;&gt;&gt; </span><span class="n">${word()}</span> <span class="o">=</span> <span class="nb">${word()}</span><span class="p">(</span><span class="s1">'${word()}'</span><span class="p">)</span>`,
    ).join("\n");
    return `<section id="module${section}"><h2>module${section} — ${words(4)}<a class="headerlink" href="#module${section}" title="Link to this heading">¶</a></h2><p>${words(30)} ${code()} ${words(12)}.</p>
<div class="highlight-python3 notranslate"><div class="highlight"><pre>${listing}</pre></div></div>
${entries}</section>`;
  });
  const style =
    "body{font:16px/1.5 sans-serif;max-width:60em;margin:auto}code,pre{font-family:monospace;background:#eee}dd{margin-left:2em}.headerlink{visibility:hidden}";
  return page(
    "Documentation",
    style,
    `<div class="document"><div class="body">${sections.join("\n")}</div></div>`,
  );
}

export const ROWS = 2000;

/** Rows as a component library writes them: long class names, a check box, a drawing, a button. */
export function table(): string {
  return page(
    "Orders",
    "table{border-collapse:collapse}td{padding:4px 8px;border-bottom:1px solid #ddd}.selected{background:#def}",
    `<h1>Orders</h1><input id="search" placeholder="Search"><table class="MuiTable-root css-1owb465"><tbody id="rows">${Array.from({ length: ROWS }, (_, n) => row(n)).join("")}</tbody></table><script>window.row=${row}</script>`,
  );
}

/** Runs here and in the page. */
function row(n: number): string {
  const states = ["Paid", "Packed", "Sent", "Returned"];
  return `<tr class="MuiTableRow-root MuiTableRow-hover css-1q1u3t4" role="checkbox" tabindex="-1" data-id="${n}"><td class="MuiTableCell-root MuiTableCell-body css-1m2qp10"><input type="checkbox" aria-label="Order ${n}"></td><td class="MuiTableCell-root MuiTableCell-body css-q34dxg">ORD-${n * 7}</td><td class="MuiTableCell-root MuiTableCell-body css-q34dxg">Customer of ${n}</td><td class="MuiTableCell-root MuiTableCell-body css-q34dxg"><span class="MuiChip-root MuiChip-filled css-3vd9n7"><svg class="MuiSvgIcon-root css-vubbuv" viewBox="0 0 24 24" aria-hidden="true"><path d="M9 16.17 4.83 12l-1.42 1.41L9 19 21 7l-1.41-1.41z"></path></svg><span class="MuiChip-label css-9iedg7">${states[n % 4]}</span></span></td><td class="MuiTableCell-root MuiTableCell-alignRight css-177gid-MuiTableCell-root">${(n * 13) % 997},90</td><td class="MuiTableCell-root MuiTableCell-body css-q34dxg"><button class="MuiButtonBase-root MuiButton-text css-1e6y48t" type="button">Details</button></td></tr>`;
}

/** Cards with shadow roots that share a constructed sheet, a frame and a canvas. */
export function shop(): string {
  return page(
    "Shop",
    "main{display:grid;grid-template-columns:repeat(4,1fr);gap:12px}",
    `<h1>Shop</h1><main id="cards">${Array.from({ length: 400 }, (_, n) => `<shop-card name="Article ${n}" price="${n},90"><p slot="more">In ${n % 9} colours, from ${n % 5} makers</p></shop-card>`).join("")}</main>
<canvas id="chart" width="600" height="200"></canvas>
<iframe id="inner" srcdoc="&lt;!doctype html&gt;&lt;h2&gt;Reviews&lt;/h2&gt;&lt;ul&gt;${"&lt;li&gt;Very good&lt;/li&gt;".repeat(200)}&lt;/ul&gt;"></iframe>
<script>
const sheet = new CSSStyleSheet();
sheet.replaceSync(":host{display:block;border:1px solid #ccc}h3{margin:0}.price{color:#064}button{border-radius:6px}");
customElements.define("shop-card", class extends HTMLElement {
  connectedCallback() {
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.innerHTML = '<article part="card"><h3></h3><p class="price"></p><slot name="more"></slot><div class="row"><button class="add">Add</button><button class="keep" aria-label="Keep">♥</button></div></article>';
    root.querySelector("h3").textContent = this.getAttribute("name");
    root.querySelector(".price").textContent = this.getAttribute("price");
  }
});
const pen = document.getElementById("chart").getContext("2d");
for (let i = 0; i < 60; i++) pen.fillRect(i * 10, 200 - i * 3, 8, i * 3);
</script>`,
  );
}

export const pages: Record<string, () => string> = { documentation, table, shop };
