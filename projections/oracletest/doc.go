// Package oracletest says what projections must contain, computed anew from all
// events by the plainest code there is: sort, loop, compare. It shares with the
// folds the normal forms of contact points, documents and text, and nothing else,
// so that a mistake would have to be made twice to go unseen. For tests.
package oracletest
