import { describe, expect, it } from "vitest";
import { parseMetricTargets } from "../../src/cli/metrics.ts";
import { parseNotify } from "../../src/cli/notify.ts";
import { parseTrack } from "../../src/cli/track.ts";
import { webAddress } from "../../src/cli/web-address.ts";

describe("--notify", () => {
  it("takes several addresses and lines", () => {
    const given = { notify: ["https://a.example/x", "http://127.0.0.1:9/y"], notifyWhen: ["eval/bound>4", "train/loss<1e-3"] }; // prettier-ignore
    expect(parseNotify(given, undefined)).toEqual({
      urls: given.notify,
      lines: [
        { metric: "eval/bound", above: true, limit: 4 },
        { metric: "train/loss", above: false, limit: 1e-3 },
      ],
    });
    expect(parseNotify({}, undefined)).toBeUndefined();
    expect(parseMetricTargets(given, {}).notify?.urls).toEqual(given.notify);
  });

  it("refuses what is no URL or line, and lines that nobody is told of", () => {
    expect(() => parseNotify({ notify: ["a.example"] }, undefined)).toThrow("--notify a.example: not a URL");
    expect(() => parseNotify({ notify: ["ftp://a.example"] }, undefined)).toThrow("not a URL");
    expect(() => parseNotify({ notify: ["https://a"], notifyWhen: ["loss=4"] }, undefined)).toThrow('expected a metric, "<" or ">"'); // prettier-ignore
    expect(() => parseNotify({ notifyWhen: ["a>4"] }, undefined)).toThrow("no URL to post to");
  });

  it("sends nothing to another machine unencrypted, unless it is allowed, and names no secret path", () => {
    const other = "http://hooks.example/secret";
    expect(() => webAddress("--notify", other, undefined, "")).toThrow(/^--notify hooks.example is on another machine/);
    expect(webAddress("--notify", other, true, "")).toBe(other);
    expect(webAddress("--notify", "http://[::1]:7/", undefined, "")).toBe("http://[::1]:7/");
  });
});

describe("--track", () => {
  it("takes the address of an MLflow server, and nothing else", () => {
    expect(parseTrack("mlflow:http://127.0.0.1:5000/sub", undefined)).toBe("http://127.0.0.1:5000/sub");
    expect(parseMetricTargets({ track: "mlflow:https://a.example" }, {}).mlflow).toBe("https://a.example/");
    expect(() => parseTrack("wandb:x", undefined)).toThrow("--track wandb:x: there is no such tracker");
    expect(() => parseTrack("mlflow:nowhere", undefined)).toThrow("--track nowhere: not a URL");
    expect(() => parseTrack("mlflow:http://a.example", undefined)).toThrow("on another machine");
  });
});
