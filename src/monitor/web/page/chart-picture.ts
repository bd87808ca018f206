/** A chart as a picture: its title, its curves' names, and what is drawn. */
import type { Curve } from "./chart-view.ts";
import "./dom.ts";
import { colourOf, DASHES } from "./looks.ts";
import { colour } from "./theme.ts";

/** CSS pixels of a line of text, and around all. */
const [LINE, MARGIN] = [18, 12];
/** Curves that are named. */
const NAMED = 32;

/** @param canvas The plot; it has device pixels. */
export async function pictureOf(title: string, curves: readonly Curve[], canvas: HTMLCanvasElement): Promise<Blob> {
  const scale = devicePixelRatio;
  const named = curves.slice(0, NAMED);
  const [width, height] = [canvas.width / scale + 2 * MARGIN, canvas.height / scale + (named.length + 1) * LINE + 3 * MARGIN]; // prettier-ignore
  const picture = Object.assign(document.createElement("canvas"), { width: width * scale, height: height * scale });
  const context = picture.getContext("2d")!;
  context.scale(scale, scale);
  context.fillStyle = colour("--card");
  context.fillRect(0, 0, width, height);
  context.fillStyle = colour("--text");
  context.font = "600 13px system-ui, sans-serif";
  context.fillText(title, MARGIN, MARGIN + 11);
  context.drawImage(canvas, MARGIN, MARGIN + LINE, canvas.width / scale, canvas.height / scale);
  context.font = "12px system-ui, sans-serif";
  named.forEach(({ label, look }, i) => {
    const y = MARGIN + LINE + canvas.height / scale + (i + 1) * LINE;
    context.strokeStyle = colour(colourOf(look));
    context.lineWidth = 3;
    context.setLineDash([...DASHES[look.dash]!]);
    context.beginPath();
    context.moveTo(MARGIN, y - 4);
    context.lineTo(MARGIN + 24, y - 4);
    context.stroke();
    context.fillStyle = colour("--text");
    context.fillText(i === NAMED - 1 && curves.length > NAMED ? `and ${curves.length - NAMED + 1} more` : label || title, MARGIN + 32, y); // prettier-ignore
  });
  return new Promise((resolve, reject) =>
    picture.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("this picture cannot be made"))), "image/png"),
  );
}
