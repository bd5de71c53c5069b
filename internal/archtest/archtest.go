// Package archtest keeps the house rules as tests: who may import whom, what stands in one place only, how things are
// named and described. Each rule is a table or a sentence, and each failure says why the rule exists.
package archtest
