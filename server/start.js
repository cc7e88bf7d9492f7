// Starts Streamlit's client once our typeface is loaded: a chart that is measured in another one stays laid out so.
// FAMILY, FACES, CLIENT and LIMIT stand above, from server/start_page.py.
const loading = FACES.map(({ address, unicodeRange }) => {
  // for every weight: without a range of weights the browser would embolden the symbols by itself.
  // The heights are those of the letters, or a symbol would make its line taller.
  const face = new FontFace(FAMILY, `url(${address})`, {
    unicodeRange, weight: "400 700", ascentOverride: "106.9%", descentOverride: "29.3%", lineGapOverride: "0%",
  });
  document.fonts.add(face);
  return face.load();
});
// Charts are measured, tables drawn on canvases. There too letters are as wide as they are drawn, whatever a machine
// does with hints: as pages/style.css says for all else. To resize a canvas takes it back, so it is said each time.
for (const name of ["measureText", "fillText", "strokeText"]) {
  const act = CanvasRenderingContext2D.prototype[name];
  CanvasRenderingContext2D.prototype[name] = function (...words) {
    this.textRendering = "geometricPrecision";
    return act.apply(this, words);
  };
}
// a font that fails or never comes must not keep the page away
const patience = new Promise((resolve) => setTimeout(resolve, LIMIT));
await Promise.race([Promise.allSettled(loading), patience]);
await import(new URL(CLIENT, document.baseURI));
