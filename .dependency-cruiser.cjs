/** Which folder may import which; an arrow of the design means "may import". */
const LAYERS = [
  ["cli", "streams"],
  ["likelihood", "optim", "models", "grpc", "monitor"],
  ["sde"],
  ["ops"],
  ["engine", "data"],
];

const folder = (names) => `^src/(${names.join("|")})/`;

/** No layer imports one above it. */
const direction = LAYERS.slice(1).map((layer, i) => ({
  name: `${layer.join("-")}-look-down`,
  comment: `${layer.join(", ")} may not import ${LAYERS.slice(0, i + 1)
    .flat()
    .join(", ")}`,
  severity: "error",
  from: { path: folder(layer) },
  to: { path: folder(LAYERS.slice(0, i + 1).flat()) },
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
      comment: "Of modules that load each other; interfaces may.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
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
      name: "streams-without-cli",
      comment: "The operators work without the command line.",
      severity: "error",
      from: { path: "^src/streams/" },
      to: { path: "^src/cli/" },
    },
    {
      name: "engine-and-data-apart",
      severity: "error",
      from: { path: "^src/(engine|data)/" },
      to: { path: "^src/(engine|data)/", pathNot: "^src/$1/" },
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
    reserve("rxjs-in-streams", ["rxjs"], ["streams", "grpc", "monitor", "cli", "pipelines"]),
    reserve("grpc-in-grpc", ["@grpc", "nice-grpc[^/]*"], ["grpc"]),
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
