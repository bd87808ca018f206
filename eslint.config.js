import tseslint from "typescript-eslint";

/** Node's globals that the plain JavaScript of the set-up uses. */
const nodeGlobals = Object.fromEntries(
  [
    "AbortController",
    "AbortSignal",
    "Buffer",
    "URL",
    "clearInterval",
    "clearTimeout",
    "console",
    "fetch",
    "performance",
  ]
    .concat(["process", "setInterval", "setTimeout"])
    .map((name) => [name, "readonly"]),
);

export default tseslint.config(
  { ignores: [".cache/", "coverage/", "dist/", "reports/", "runs/"] },
  {
    rules: {
      eqeqeq: ["error", "always", { null: "ignore" }],
      "max-depth": ["error", 4],
      "max-lines": ["error", 250],
      "max-params": ["error", 7],
      "no-control-regex": "error",
      "no-constant-binary-expression": "error",
      "no-self-compare": "error",
      "no-template-curly-in-string": "error",
      "no-undef-init": "error",
      "no-unreachable": "error",
      "no-unsafe-finally": "error",
      "no-useless-rename": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": ["error", { destructuring: "all" }],
    },
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": [
        "error",
        { fixStyle: "inline-type-imports", disallowTypeAnnotations: false },
      ],
      "@typescript-eslint/no-import-type-side-effects": "error",
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true }],
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowArray: true, allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      // `yield*` of a void generator and `require` give any.
      "@typescript-eslint/no-unsafe-return": "off",
      "@typescript-eslint/no-base-to-string": "off",
      // Asks for type arguments where tfjs's generic results are narrowed.
      "@typescript-eslint/no-unnecessary-type-assertion": "off",
      // An async function that only throws or returns fits an interface that promises.
      "@typescript-eslint/require-await": "off",
      // The interfaces here are records of functions: nothing uses `this`.
      "@typescript-eslint/unbound-method": "off",
    },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      "max-lines": ["error", 300],
      "max-params": "off",
      "@typescript-eslint/restrict-plus-operands": "off",
    },
  },
  {
    // The reference's configurations come from JSON, as they are.
    files: ["test/golden/*.ts"],
    rules: {
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
    },
  },
  {
    files: ["**/*.js", "**/*.mjs", "**/*.cjs"],
    languageOptions: { globals: nodeGlobals },
    rules: { "no-undef": "error", "no-unused-vars": "error" },
  },
  { files: ["**/*.cjs"], languageOptions: { globals: { module: "writable", require: "readonly" } } },
);
