// Checks Kubernetes objects with the types and validators of one version: validate.js VERSION TOOLS_DIR <OBJECTS.json
// Types reject unknown fields. Validators check formats, and which of several forms an object has.
'use strict';
const childProcess = require('child_process');
const fs = require('fs');
const path = require('path');

const [version, tools] = process.argv.slice(2);
const objects = JSON.parse(fs.readFileSync(0, 'utf8'));

// Finds the type of an object: kubernetes-types uses the names of Kubernetes, kubernetes-models puts an I before them.
function typeOf(object) {
  const [group, groupVersion] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion];
  if (group === 'monitoring.coreos.com') {
    return {module: `@kubernetes-models/prometheus-operator/${group}/${groupVersion}/${object.kind}`, name: `I${object.kind}`};
  }
  if (fs.existsSync(path.join(tools, 'node_modules', `kubernetes-types-${version}`))) {
    return {module: `kubernetes-types-${version}/${group.split('.')[0] || 'core'}/${groupVersion}`, name: object.kind};
  }
  return {module: `kubernetes-models-${version}/${group ? group + '/' : ''}${groupVersion}/${object.kind}`,
          name: `I${object.kind}`};
}

function typeErrors() {
  const source = objects.map((object, i) => {
    const {module, name} = typeOf(object);
    return `import type {${name} as T${i}} from '${module}';\n` +
           `export const object${i}: T${i} = ${JSON.stringify(object, null, 1)};\n`;
  }).join('');
  const file = path.join(tools, `objects-${version}.ts`);
  fs.writeFileSync(file, source);
  const compiler = path.join(tools, 'node_modules', 'typescript', 'bin', 'tsc');
  const done = childProcess.spawnSync(process.execPath, [compiler, '--noEmit', '--strict', '--skipLibCheck',
    '--module', 'nodenext', '--moduleResolution', 'nodenext', file], {cwd: tools, encoding: 'utf8'});
  const lines = source.split('\n');
  return done.stdout.split('\n').filter(line => line).map(line => {
    const at = /\((\d+),/.exec(line);
    return at ? `${line}\n    ${lines[Number(at[1]) - 1].trim()}` : line;
  });
}

function validatorErrors() {
  const errors = [];
  for (const object of objects) {
    const group = object.apiVersion.includes('/') ? object.apiVersion : object.apiVersion;
    let models;
    try {
      models = require(`kubernetes-models-${version}/${group}`);
    } catch (error) {
      continue; // a custom resource
    }
    try {
      new models[object.kind](object).validate();
    } catch (error) {
      errors.push(`${object.kind} ${object.metadata.name}: ${error.message}`);
    }
  }
  return errors;
}

// Versions whose validators run with Debian's Node.
const HAVE_VALIDATORS = ['1.25', '1.33'];
const errors = typeErrors().concat(HAVE_VALIDATORS.includes(version) ? validatorErrors() : []);
errors.forEach(error => console.log(error));
process.exit(errors.length === 0 ? 0 : 1);
