import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../cli/fixture.ts";
import { monitorProgram } from "../../src/cli/monitor.ts";
import { program } from "../../src/cli/options.ts";

const folder = fileURLToPath(new URL("../../deploy/systemd/", import.meta.url));
const unit = readFileSync(join(folder, "scorestream@.service"), "utf8");
const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;

describe("deploy/systemd", () => {
  it.runIf(hasSystemd)("is a unit that systemd takes", () => {
    const directory = temporaryFolder();
    const verify = (name: string) => {
      const { status, stderr } = spawnSync("systemd-analyze", ["verify", join(directory, name)], { encoding: "utf8" });
      return { status, stderr };
    };
    copyFileSync(join(folder, "scorestream@.service"), join(directory, "scorestream@first.service"));
    expect(verify("scorestream@first.service")).toEqual({ status: 0, stderr: "" });
    writeFileSync(
      join(directory, "scorestream@wrong.service"),
      unit.replace("Restart=on-failure", "Restart=sometimes"),
    );
    expect(verify("scorestream@wrong.service").stderr).toContain("restart specifier");
  });

  it.runIf(hasSystemd)("has a unit for the monitor that systemd takes", () => {
    const directory = temporaryFolder();
    copyFileSync(join(folder, "scorestream-monitor.service"), join(directory, "scorestream-monitor.service"));
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", join(directory, "scorestream-monitor.service")], { encoding: "utf8" }); // prettier-ignore
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("starts the monitor as it is", () => {
    const service = readFileSync(join(folder, "scorestream-monitor.service"), "utf8");
    const known = monitorProgram().options.map(({ long }) => long);
    const given = [...service.matchAll(/^(?:ExecStart=|# stand in).*$/gm)].flatMap(([line]) => line.match(/(?<=\s|=)--[a-z-]+/g)); // prettier-ignore
    expect(given).toEqual(expect.arrayContaining(["--listen", "--web", "--dir", "--runs", "--token-file", "--allow-host"])); // prettier-ignore
    expect(given.filter((option) => !known.includes(option!))).toEqual([]);
  });

  it("calls the program as it is", () => {
    const example = readFileSync(join(folder, "scorestream.env.example"), "utf8");
    const known = program().options.map(({ long }) => long);
    const given = [...`${unit}\n${example}`.matchAll(/^(?:ExecStart|# OPTIONS|OPTIONS)=.*$/gm)].flatMap(([line]) =>
      line.match(/(?<=\s|=)--[a-z-]+/g),
    );
    expect(given.length).toBeGreaterThan(10);
    expect(given.filter((option) => !known.includes(option!))).toEqual([]);
  });
});
