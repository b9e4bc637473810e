// Package archtest holds the rules about the shape of the code that no linter
// knows: which package may import which, where third parties are confined, that
// every package says what it is for. They run with plain go test.
package archtest
