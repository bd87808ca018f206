/** The tools the engine step needs of the machine. */
import { run } from "./child.mjs";
import { SetupError } from "./errors.mjs";

const INSTALL = {
  python: {
    Debian: "sudo apt install python3 python3-pip",
    Fedora: "sudo dnf install python3 python3-pip",
    macOS: "xcode-select --install",
  },
  compiler: { Debian: "sudo apt install g++", Fedora: "sudo dnf install gcc-c++", macOS: "xcode-select --install" },
};

const remedy = (what) =>
  Object.entries(INSTALL[what])
    .map(([system, command]) => `${system}: ${command}`)
    .join("\n");

/** The first of the commands that answers `--version`. */
async function firstWorking(commands) {
  for (const command of commands) {
    if ((await run([...command, "--version"])).code === 0) return command;
  }
  return undefined;
}

/**
 * Finds Python with pip and a C++ compiler.
 *
 * @returns {Promise<{ python: string[], compiler: string[] }>}
 * @throws SetupError that names everything that is missing.
 */
export async function findTools(env = process.env) {
  const missing = [];
  const lacks = (message, what) => missing.push(new SetupError(message, remedy(what)));
  const python = await firstWorking([...(env.PYTHON ? [[env.PYTHON]] : []), ["python3"], ["python"]]);
  if (!python) lacks("Python 3 is missing", "python");
  else if (!(await firstWorking([[...python, "-m", "pip"]]))) lacks(`${python[0]} has no pip`, "python");
  const compilers = [["c++"], ["g++"], ["clang++"]];
  const compiler = await firstWorking([...(env.CXX ? [env.CXX.split(" ")] : []), ...compilers]);
  if (!compiler) lacks("a C++ compiler is missing (c++, g++ or clang++)", "compiler");
  if (missing.length === 0) return { python, compiler };
  const [first, second] = missing;
  if (!second) throw first;
  throw new SetupError(`${first.message}; ${second.message}`, `${first.remedy}\n${second.remedy}`);
}
