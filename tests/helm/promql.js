// Parses PromQL: promql.js <EXPRESSIONS.json. Prints the errors in each expression, and the names that it uses.
'use strict';
const fs = require('fs');
const {parser} = require('@prometheus-io/lezer-promql');

function parse(expression) {
  const found = {expression, errors: [], metrics: [], labels: [], matchers: []};
  const textOf = node => expression.slice(node.from, node.to);
  parser.parse(expression).iterate({
    enter(node) {
      if (node.type.isError) found.errors.push(`at ${node.from}: '${expression.slice(node.from, node.from + 20)}'`);
      if (node.name === 'Identifier' && node.node.parent.name === 'VectorSelector') found.metrics.push(textOf(node));
      if (node.name === 'LabelName') found.labels.push(textOf(node));
      if (node.name === 'UnquotedLabelMatcher') found.matchers.push(textOf(node));
    },
  });
  return found;
}

const expressions = JSON.parse(fs.readFileSync(0, 'utf8'));
console.log(JSON.stringify(expressions.map(parse)));
