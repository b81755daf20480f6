import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import importX, { createNodeResolver } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const only = (tag, ...tags) => ({ sourceTag: tag, onlyDependOnLibsWithTags: tags });
const service = (name) => only(`scope:${name}`, `scope:${name}`, 'scope:shared');
const CORE_BANS = ['@grpc/*', 'nice-grpc*', 'mongoose', 'mongodb', '@nats-io/*', 'fastify*', '@fastify/*'];

export default tseslint.config(
  { ignores: ['**/node_modules/**', 'libs/contracts/src/gen/**', '.nx/**', '.certferry/**'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    // One program of the whole tree: a project service makes one a folder, each with its own reading of every dependency.
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    plugins: { '@nx': nx, 'import-x': importX },
    settings: {
      'import-x/extensions': ['.ts'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts'] })],
    },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          allow: [],
          depConstraints: [
            only('layer:contracts'),
            { ...only('layer:core', 'layer:core'), bannedExternalImports: CORE_BANS },
            only('layer:platform', 'layer:platform', 'layer:core', 'layer:contracts'),
            only('layer:service', 'layer:service', 'layer:platform', 'layer:core', 'layer:contracts'),
            only('layer:app', 'layer:service', 'layer:platform', 'layer:core', 'layer:contracts'),
            ...['parser', 'inventory', 'deployment', 'gateway'].map((name) => ({
              allSourceTags: ['layer:service', `scope:${name}`],
              onlyDependOnLibsWithTags: service(name).onlyDependOnLibsWithTags,
            })),
          ],
        },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/max-params': ['error', { max: 3 }],
      'import-x/no-cycle': 'error',
      // A `!` is a claim that the reader can check beside it; the reader of bytes makes many.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowNullish: true, allowBoolean: true },
      ],
    },
  },
  {
    // Answers of the REST API are read as a stranger reads them.
    files: ['test/**', '**/*.test.ts', '**/*.conformance.ts', 'bench/**'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/max-params': 'off',
      '@typescript-eslint/no-misused-promises': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/await-thenable': 'off',
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
    },
  },
  {
    // The root's own folders look where they like.
    files: ['test/**', 'bench/**', 'tools/**', '*.ts'],
    rules: { '@nx/enforce-module-boundaries': 'off' },
  },
  {
    // Signatures of other people's code.
    files: ['**/*.d.ts'],
    rules: { '@typescript-eslint/max-params': 'off', '@typescript-eslint/no-unused-vars': 'off' },
  },
  prettier,
);
