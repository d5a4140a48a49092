// Classic scripts that Gecko 48, KaiOS 2.5's, takes as well; web/gates holds
// what comes out to that.
import { transformAsync } from '@babel/core';
import blockScoping from '@babel/plugin-transform-block-scoping';
import { build, transform } from 'esbuild';

/**
 * esbuild's build(), to one minified file that is a classic script of ES2015 without let and const: esbuild leaves
 * them as they are, and the old engine has neither in all places nor with today's meaning. Nor has it globalThis.
 * @param {import('esbuild').BuildOptions} options
 * @returns {Promise<string>}
 */
export async function lower(options) {
  const { outputFiles: [file] } = await build({
    ...options, bundle: true, write: false, format: 'iife', target: 'es2015',
    define: { globalThis: 'self', ...options.define }, legalComments: 'none', logLevel: 'warning',
  });
  const { code } = await transformAsync(file.text, {
    babelrc: false, configFile: false, compact: false, sourceType: 'script', plugins: [blockScoping],
  });
  return (await transform(code, { minify: true, target: 'es2015', legalComments: 'none' })).code;
}
