/** The rooms of src from the top down: a room imports from those below it, never from one above. */
const ROOMS = [
  ...["cli", "run", "monitor", "grpc", "streams", "exchange", "training", "quality", "models", "sampling"],
  ...["likelihood", "solvers", "sde", "ops", "engine", "data", "metrics", "base"],
];

const room = (names) => `^src/(${names.join("|")})/`;

/** One rule a room. */
const direction = ROOMS.slice(1).map((name, i) => ({
  name: `${name}-looks-down`,
  comment: `src/${name} may not import from the rooms above it: ${ROOMS.slice(0, i + 1).join(", ")}`,
  severity: "error",
  from: { path: room([name]) },
  to: { path: room(ROOMS.slice(0, i + 1)) },
}));

/** A package that belongs to some folders only. */
const reserve = (name, packages, folders) => ({
  name,
  comment: `${packages.join(", ")} only in ${folders.join(", ")}`,
  severity: "error",
  from: {
    path: "^(src|pipelines)/",
    pathNot: `^(${folders.map((f) => (f === "pipelines" ? f : `src/${f}`)).join("|")})/`,
  },
  to: { path: `node_modules/(${packages.join("|")})(/|$)` },
});

module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      comment: "Neither of modules nor of their types.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-unresolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "no-development-packages",
      comment: "What runs is in dependencies; types may come from elsewhere.",
      severity: "error",
      from: { path: "^(src|pipelines)/" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "pipelines-on-top",
      comment: "Nothing but the command line, which finds them by name, may import a pipeline.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^pipelines/" },
    },
    {
      name: "known-rooms-only",
      comment: "A new folder of src gets its place among the rooms first.",
      severity: "error",
      from: {},
      to: { path: "^src/[^/]+/", pathNot: room(ROOMS) },
    },
    {
      name: "grpc-is-transport",
      comment: "The transport knows nothing of what is watched.",
      severity: "error",
      from: { path: "^src/grpc/" },
      to: { path: "^src/(monitor|streams)/" },
    },
    {
      name: "exchange-has-no-clock",
      comment: "The rules of the exchange are pure functions: no transport, no timers, no files.",
      severity: "error",
      from: { path: "^src/exchange/" },
      to: { dependencyTypes: ["core", "npm"] },
    },
    {
      name: "tfjs-through-the-engine",
      comment: "One instance of tfjs, loaded by src/engine; elsewhere its types only.",
      severity: "error",
      from: { path: "^(src|pipelines)/", pathNot: "^src/engine/" },
      to: { path: "node_modules/@tensorflow/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "numbers-without-tensors",
      comment: "SDEs and data know no tensors.",
      severity: "error",
      from: { path: "^src/(sde|data)/" },
      to: { path: "^(node_modules/@tensorflow|src/engine)/" },
    },
    ...direction,
    reserve("rxjs-in-streams", ["rxjs"], ["streams", "grpc", "monitor", "run", "cli", "pipelines"]),
    reserve("grpc-in-grpc", ["@grpc"], ["grpc", "monitor/grpc"]),
    reserve("arrow-in-data", ["apache-arrow"], ["data", "grpc"]),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};
